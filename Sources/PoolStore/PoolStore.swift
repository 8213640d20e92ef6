public import Ceph
internal import Foundation
internal import Model
internal import Runtime

/// Bases in one pool: images that cannot be cloned where they lie, each imported once for the whole cluster.
///
/// A base is the RBD image `slipway.base.HASH` with its record in its metadata and one protected snapshot, which appears last: without it there is
/// no base. Hosts agree through the object `slipway.base-claim.HASH`: a claim with a lease, and marks that tell use, pins and images.
public struct PoolStore: Sendable {
  static let recordKey = "slipway.base"

  /// The pool, opened with the credentials that will open the disks.
  public let pool: Pool
  /// Pool for the data, where it differs (an erasure-coded one).
  public let dataPool: String?

  /// Bases in `pool`.
  public init(pool: Pool, dataPool: String? = nil) {
    self.pool = pool
    self.dataPool = dataPool
  }

  static var now: Int64 { Int64(Date().timeIntervalSince1970) }

  /// What stands under a base's name.
  enum Occupant {
    case nobody
    case ready(PoolBase)
    /// Without the snapshot: an import that is under way, or was cut off.
    case unfinished(imageID: String, isOurs: Bool)
  }

  /// The base of that name if it is ready. Nothing is asked of whoever imports another one.
  public func find(_ name: PoolBaseName) async throws -> PoolBase? {
    guard case .ready(let base) = try await occupant(name) else { return nil }
    return base
  }

  func occupant(_ name: PoolBaseName) async throws -> Occupant {
    let image: Image
    do {
      image = try await pool.open(name.image)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return .nobody
    }
    do {
      let found = try await look(image, name)
      await image.close()
      return found
    } catch let error as SlipwayError where error.cephErrno == 2 {
      // It is being removed while it is looked at.
      await image.close()
      return .nobody
    } catch {
      await image.close()
      throw error
    }
  }

  private func look(_ image: Image, _ name: PoolBaseName) async throws -> Occupant {
    guard let text = try await image.metadata(Self.recordKey), let record = try Self.record(text, at: image.label),
      record.imageID == image.id, record.name == name
    else { return .unfinished(imageID: image.id, isOurs: false) }
    guard let snapshot = try await image.snapshots().first(where: { $0.isUsers && $0.name == PoolBase.snapshot }),
      try await image.isProtected(snapshot: PoolBase.snapshot)
    else { return .unfinished(imageID: image.id, isOurs: true) }
    let fsid = pool.cluster.fsid
    return .ready(
      PoolBase(
        record: record, location: RBDLocation(fsid: fsid.text, pool: pool.name, image: name.image, snapshot: PoolBase.snapshot),
        version: "\(fsid) \(pool.id) \(image.id) \(snapshot.id)", size: snapshot.size, order: image.order,
        usage: try await usage(name) ?? PoolBaseUsage(lastUse: record.created, hits: 0, pin: nil, images: [])))
  }

  /// A base's record; nil for what is none. Throws `not_ours` for one of a newer version.
  static func record(_ text: String, at path: String) throws(SlipwayError) -> PoolBaseRecord? {
    struct Versioned: Decodable { var version: Int }
    let data = Data(text.utf8)
    guard let version = (try? JSONDecoder().decode(Versioned.self, from: data))?.version else { return nil }
    guard version <= PoolBaseRecord.currentVersion else {
      throw SlipwayError(
        .notOurs, "\(path) carries a record of version \(version), newer than this program knows (\(PoolBaseRecord.currentVersion))",
        object: path, hint: "use the newer slipway that made it")
    }
    return try? JSONDecoder().decode(PoolBaseRecord.self, from: data)
  }

  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
