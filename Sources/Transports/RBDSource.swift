public import Ceph
public import Model
public import Runtime
public import Transfer

/// An RBD snapshot as a source: parallel reads, holes from the object map where there is one, else from asking each object.
public final class RBDSource: RandomAccessSource {
  /// Size of the snapshot in bytes.
  public var size: Int64 { image.size }
  /// Bytes of one object, so that no read straddles two.
  public let objectSize: Int64
  private let pool: Pool
  let image: Image
  let wholeObjects: Bool
  private let snapshot: String

  private init(pool: Pool, image: Image, snapshot: String, wholeObjects: Bool) {
    self.pool = pool
    self.image = image
    self.snapshot = snapshot
    self.wholeObjects = wholeObjects
    objectSize = Int64(1) << Int64(image.order)
  }

  /// Opens a snapshot read-only, which needs no more than read caps. Throws `source_not_found`, `permission_denied`, `timeout`. Close it.
  public static func open(_ location: RBDLocation, in cluster: Cluster) async throws -> RBDSource {
    let pool = try await cluster.pool(location.pool)
    do {
      let image = try await pool.open(location.image, snapshot: location.snapshot)
      do {
        return RBDSource(pool: pool, image: image, snapshot: location.snapshot, wholeObjects: try await image.hasFastDiff())
      } catch {
        await image.close()
        throw error
      }
    } catch {
      await pool.close()
      throw error
    }
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    try await image.extents(from: offset, to: end, wholeObjects: wholeObjects)
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try await image.read(at: offset, length: length, into: buffer)
  }

  /// Closes image and pool, in this order.
  public func close() async {
    await image.close()
    await pool.close()
  }
}

extension RBDSource {
  /// Bytes that exist, where the object map tells that cheaply; nil else.
  public func estimate() async throws -> Int64? {
    guard wholeObjects else { return nil }
    var sum: Int64 = 0
    var position: Int64 = 0
    // In slices: the whole map of a large image is never held.
    while position < size {
      let end = size - position > Self.slice ? position + Self.slice : size
      for extent in try await image.extents(from: position, to: end, wholeObjects: true) where extent.isData { sum += extent.length }
      position = end
    }
    return sum
  }

  private static let slice = Int64(256) << 30

  /// What tells this snapshot from every other one, also from another under the same name: fsid, pool id, image id, snapshot id.
  public func version() async throws -> String {
    "\(pool.cluster.fsid) \(pool.id) \(image.id) \(try await image.snapshotID(snapshot))"
  }
}
