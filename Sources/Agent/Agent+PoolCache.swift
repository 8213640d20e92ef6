internal import Configuration
internal import Ceph
internal import Cleaner
public import Model
public import PoolStore
public import Runtime

/// The bases in pools, as far as they can be told.
public struct PoolBases: Sendable {
  /// The name of the pool that takes what no tier does, or of the first tier's where there is none; nil where no cluster for bases is configured,
  /// or has no such pool.
  public var pool: String?
  /// The tiers that could be looked into, by pool.
  public var tiers: [String: String] = [:]
  /// By name; the tiers in their order.
  public var bases: [PoolBase] = []
  /// Why the pool could not be looked into.
  public var unavailable: SlipwayError?
}

extension Agent {
  /// How long a look into the pool may take where the store is looked at, too.
  private static let patience = Duration.seconds(15)

  /// All bases in all tiers. An outage is told, and not thrown: the store's own bases are shown in any case.
  public func poolBases(context: RequestContext) async throws -> PoolBases {
    var found = PoolBases()
    for tier in configuration.bases.tiers {
      do {
        try await withPresentPool(tier, context) { store in
          if found.pool == nil || tier == configuration.bases.rest { found.pool = tier.pool }
          found.tiers[tier.pool] = tier.name
          found.bases += try await store.list()
        }
      } catch {
        found.unavailable = try Self.told(error)
        found.pool = configuration.bases.rest.pool
      }
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

  /// The disks that stand on bases, by the base's path.
  public func poolChildren(of bases: [PoolBase], context: RequestContext) async throws -> [String: [String]] {
    var found: [String: [String]] = [:]
    try await withPoolStores(of: bases, context) { store, bases in
      for base in bases { found[base.path] = try await store.children(of: base) }
    }
    return found
  }

  /// Pins or unpins bases in the pool; as they are then, and whether a pin was there to take away.
  func setPoolPin(
    _ bases: [PoolBase], _ isPinned: Bool, note: String?, expires: Int64?, _ context: RequestContext
  ) async throws -> ([PoolBase], Bool) {
    var (now, found): ([PoolBase], Bool) = ([], false)
    try await withPoolStores(of: bases, context) { store, bases in
      for base in bases {
        if isPinned {
          _ = try await store.pin(base.name, note: note, expires: expires)
        } else if try await store.unpin(base.name) {
          found = true
        }
        if let base = try await store.find(base.name) { now.append(base) }
      }
    }
    return (now, found)
  }

  /// Runs `body` on a tier's pool where there is one: a cluster of that name is configured and has it.
  func withPresentPool(
    _ tier: Configuration.Tier, _ context: RequestContext, _ body: (PoolStore) async throws -> Void
  ) async throws {
    guard configuration.cluster(named: configuration.bases.cluster) != nil else { return }
    var brief = context
    brief.deadline = context.deadline.capped(Self.patience)
    do {
      try await withPoolStore(tier, brief, body)
    } catch let error as SlipwayError where error.code == .configuration && (error.cause as? SlipwayError)?.cephErrno == 2 {
      return
    }
  }

  static func told(_ error: any Error) throws -> SlipwayError {
    try Task.checkCancellation()
    return SlipwayError.wrap(error)
  }
}
