internal import Configuration
internal import Ceph
internal import Cleaner
public import Model
public import PoolStore
public import Runtime

/// The bases in the pool, as far as they can be told.
public struct PoolBases: Sendable {
  /// The pool's name; nil where no cluster for bases is configured, or has no such pool.
  public var pool: String?
  /// By name.
  public var bases: [PoolBase] = []
  /// Why the pool could not be looked into.
  public var unavailable: SlipwayError?
}

extension Agent {
  /// How long a look into the pool may take where the store is looked at, too.
  private static let patience = Duration.seconds(15)

  /// All bases in the pool. An outage is told, and not thrown: the store's own bases are shown in any case.
  public func poolBases(context: RequestContext) async throws -> PoolBases {
    var found = PoolBases()
    do {
      try await withPresentPool(context) { store in
        found.pool = store.pool.name
        found.bases = try await store.list()
      }
    } catch {
      found.unavailable = try Self.told(error)
      found.pool = configuration.bases.pool
    }
    return found
  }

  /// The bases in the pool of one image: by image id, by the name it had, by its source, or by the base's own name.
  public func poolBases(of text: String, context: RequestContext) async throws -> PoolBases {
    var found = try await poolBases(context: context)
    let wanted = ImageID(text)?.text ?? text
    found.bases = found.bases.filter { base in
      let record = base.record
      return record.name.image == wanted || record.name.hash == wanted || record.image?.text == wanted
        || base.usage.images.contains { $0.text == wanted } || record.imageName == wanted || record.source == wanted
    }
    return found
  }

  /// The disks that stand on bases, by base.
  public func poolChildren(of bases: [PoolBase], context: RequestContext) async throws -> [PoolBaseName: [String]] {
    guard !bases.isEmpty else { return [:] }
    return try await withPoolStore(context) { store in
      var found: [PoolBaseName: [String]] = [:]
      for base in bases { found[base.name] = try await store.children(of: base) }
      return found
    }
  }

  /// Pins or unpins bases in the pool; as they are then, and whether a pin was there to take away.
  func setPoolPin(
    _ bases: [PoolBase], _ isPinned: Bool, note: String?, expires: Int64?, _ context: RequestContext
  ) async throws -> ([PoolBase], Bool) {
    guard !bases.isEmpty else { return ([], false) }
    return try await withPoolStore(context) { store in
      var (now, found): ([PoolBase], Bool) = ([], false)
      for base in bases {
        if isPinned {
          _ = try await store.pin(base.name, note: note, expires: expires)
        } else if try await store.unpin(base.name) {
          found = true
        }
        if let base = try await store.find(base.name) { now.append(base) }
      }
      return (now, found)
    }
  }

  /// Runs `body` on the pool for bases where there is one: a cluster of that name is configured and has it.
  func withPresentPool(_ context: RequestContext, _ body: (PoolStore) async throws -> Void) async throws {
    guard configuration.cluster(named: configuration.bases.cluster) != nil else { return }
    var brief = context
    brief.deadline = context.deadline.capped(Self.patience)
    do {
      try await withPoolStore(brief, body)
    } catch let error as SlipwayError where error.code == .configuration && (error.cause as? SlipwayError)?.cephErrno == 2 {
      return
    }
  }

  static func told(_ error: any Error) throws -> SlipwayError {
    try Task.checkCancellation()
    return SlipwayError.wrap(error)
  }
}
