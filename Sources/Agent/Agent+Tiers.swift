internal import Ceph
internal import Configuration
internal import Model
internal import PoolStore
internal import Runtime

/// The pools for the base of one image: where it is made, and where else it may lie.
struct PoolTiers: Sendable {
  /// Where it is made.
  let tier: Configuration.Tier
  /// That pool, or why it cannot be opened.
  let chosen: Result<PoolStore, SlipwayError>
  /// The pools of the other tiers that there are.
  let others: [PoolStore]

  fileprivate func close() async {
    for store in others + [try? chosen.get()].compactMap({ $0 }) { await store.pool.close() }
  }
}

extension Agent {
  /// The tier in which a base of an image is made: the one that the request asks for, else the first whose rule holds. Throws `usage`.
  func tier(of image: ResolvedImage) throws(SlipwayError) -> Configuration.Tier {
    let bases = configuration.bases
    guard let wanted = image.tier else { return bases.tiers.first { $0.takes(image.description) } ?? bases.rest }
    return try tier(named: wanted)
  }

  /// The tier of that name. Throws `usage`.
  @discardableResult
  func tier(named wanted: String) throws(SlipwayError) -> Configuration.Tier {
    let bases = configuration.bases
    if let found = bases.tiers.first(where: { $0.name == wanted }) { return found }
    throw SlipwayError(
      .usage, "there is no tier '\(wanted)' for bases in the configuration", object: wanted,
      hint: "choose one of: \(bases.tiers.map(\.name).joined(separator: ", "))")
  }

  /// Bases in one tier. The pool is the caller's to close. Throws `configuration` when there is no such pool.
  func poolStore(_ tier: Configuration.Tier, _ context: RequestContext) async throws -> PoolStore {
    let settings = try clusters.configured(configuration.bases.cluster)
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    do {
      return PoolStore(pool: try await cluster.pool(tier.pool), dataPool: tier.dataPool)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      throw SlipwayError(
        .configuration, "Ceph cluster '\(settings.name)' has no pool '\(tier.pool)' for bases", object: tier.pool,
        hint: "make it (ceph osd pool create \(tier.pool); rbd pool init \(tier.pool)), or set bases.pool", cause: error)
    }
  }

  func withPoolStore<Value: Sendable>(
    _ tier: Configuration.Tier, _ context: RequestContext, _ body: (PoolStore) async throws -> Value
  ) async throws -> Value {
    let store = try await poolStore(tier, context)
    do {
      let value = try await body(store)
      await store.pool.close()
      return value
    } catch {
      await store.pool.close()
      throw error
    }
  }

  /// As `withPoolStore`, on the pool in which these bases lie; once for each pool.
  func withPoolStores(of bases: [PoolBase], _ context: RequestContext, _ body: (PoolStore, [PoolBase]) async throws -> Void) async throws {
    for tier in configuration.bases.tiers {
      let here = bases.filter { $0.location.pool == tier.pool }
      if !here.isEmpty { try await withPoolStore(tier, context) { try await body($0, here) } }
    }
  }

  /// All pools in which the base of an image may lie. Another tier that cannot be looked into, for whatever reason, has no base.
  func withTiers<Value: Sendable>(
    of image: ResolvedImage, _ context: RequestContext, _ body: (PoolTiers) async throws -> Value
  ) async throws -> Value {
    let tier = try tier(of: image)
    let chosen: Result<PoolStore, SlipwayError>
    do {
      chosen = .success(try await poolStore(tier, context))
    } catch let error as SlipwayError where error.code == .configuration {
      chosen = .failure(error)
    }
    var others: [PoolStore] = []
    for other in configuration.bases.tiers where other != tier {
      if let store = try? await poolStore(other, context) { others.append(store) }
    }
    let tiers = PoolTiers(tier: tier, chosen: chosen, others: others)
    do {
      let value = try await body(tiers)
      await tiers.close()
      return value
    } catch {
      await tiers.close()
      throw error
    }
  }
}
