public import Ceph
public import Model
public import Runtime

/// Disks that are RBD images in one pool, opened with the credentials that will open the disks.
public struct RBDDisks: Sendable {
  static let recordKey = "slipway.record"
  static let stateKey = "slipway.state"

  /// The pool of the disks.
  public let pool: Pool
  /// Pool for their data, where it differs.
  public let dataPool: String?

  /// How long a deletion waits for whoever has the disk open.
  public let busyWait: Duration
  /// How many ancestors a disk may have; one that would have more is flattened before it is handed out. 0 is no limit.
  public let maxDepth: Int
  /// Whether a deletion leaves an image in the trash and its data to the cleaner.
  public let defersDeletion: Bool
  /// How many disks are flattened at once, one of it each; nil for any number.
  let flattens: ByteBudget?

  /// Disks in `pool`.
  public init(
    pool: Pool, dataPool: String? = nil, busyWait: Duration = .seconds(35), maxDepth: Int = 0, defersDeletion: Bool = false,
    flattens: ByteBudget? = nil
  ) {
    self.pool = pool
    self.dataPool = dataPool
    self.busyWait = busyWait
    self.maxDepth = maxDepth
    self.defersDeletion = defersDeletion
    self.flattens = flattens
  }

  /// What stands under a disk's name.
  enum Occupant {
    case nobody
    case ours(record: DiskRecord, state: DiskState, imageID: String, size: Int64)
    case foreign(imageID: String)
  }

  /// Looks at what stands under `name`.
  func occupant(_ name: DiskName) async throws -> Occupant {
    let image: Image
    do {
      image = try await pool.open(name.text)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return .nobody
    }
    do {
      let occupant: Occupant
      if let text = try await image.metadata(Self.recordKey), let record = try RecordCoding.record(text, at: image.label),
        record.imageID == image.id
      {
        let state = try await image.metadata(Self.stateKey).flatMap(DiskState.init(rawValue:)) ?? .making
        occupant = .ours(record: record, state: state, imageID: image.id, size: image.size)
      } else {
        occupant = .foreign(imageID: image.id)
      }
      await image.close()
      return occupant
    } catch {
      await image.close()
      throw error
    }
  }

  /// One disk. Throws `disk_not_found`, `not_ours`.
  public func show(_ name: DiskName) async throws -> DiskInfo {
    switch try await occupant(name) {
    case .nobody:
      throw SlipwayError(
        .diskNotFound, "there is no disk '\(name)' in pool '\(pool.name)'", object: name.text, hint: "see: slipway disk list")
    case .foreign:
      throw foreign(name)
    case .ours(let record, let state, _, let size):
      return DiskInfo(record: record, state: state, path: "\(pool.name)/\(name)", size: ByteCount(size))
    }
  }

  /// An image that may be a disk of ours, and cannot be looked at.
  public struct Unreadable: Sendable {
    /// `pool/image`.
    public let path: String
    /// Why.
    public let error: SlipwayError
  }

  /// All disks of ours in the pool, by name, and the images of which nobody here can tell whether they are. Images of others are left out. Up to 16
  /// are asked at once.
  public func list() async throws -> (disks: [DiskInfo], unreadable: [Unreadable]) {
    let names = try await pool.images().compactMap { try? DiskName($0) }
    return try await withThrowingTaskGroup(of: Result<DiskInfo, Refusal>?.self) { group in
      var found: [DiskInfo] = []
      var unreadable: [Unreadable] = []
      var waiting = names.makeIterator()
      func add(_ name: DiskName) {
        group.addTask {
          do {
            guard case .ours(let record, let state, _, let size) = try await occupant(name) else { return nil }
            return .success(DiskInfo(record: record, state: state, path: "\(pool.name)/\(name)", size: ByteCount(size)))
          } catch let error as SlipwayError where error.code == .notOurs || error.code == .permissionDenied {
            // A newer version's, or one whose parent this user may not read: one image does not hide all others.
            return .failure(Refusal(image: Unreadable(path: "\(pool.name)/\(name)", error: error)))
          }
        }
      }
      for _ in 0..<16 { if let name = waiting.next() { add(name) } }
      while let looked = try await group.next() {
        switch looked {
        case .success(let info): found.append(info)
        case .failure(let refusal): unreadable.append(refusal.image)
        case nil: break
        }
        if let name = waiting.next() { add(name) }
      }
      return (found.sorted { $0.record.name.text < $1.record.name.text }, unreadable.sorted { $0.path < $1.path })
    }
  }

  private struct Refusal: Error { let image: Unreadable }

  func foreign(_ name: DiskName) -> SlipwayError {
    SlipwayError(
      .notOurs, "image \(pool.name)/\(name) exists and was not made by Slipway", object: "\(pool.name)/\(name)",
      hint: "it is left alone; look at it with 'rbd info \(pool.name)/\(name)', or choose another name")
  }

  /// Whether librbd made an image of that id for the client `instance`.
  static func imageID(_ id: String, isOf instance: UInt64) -> Bool { Image.isID(id, madeBy: instance) }
}
