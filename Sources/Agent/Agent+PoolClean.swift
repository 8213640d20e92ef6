internal import Ceph
internal import Cleaner
internal import Configuration
internal import Disks
internal import Model
internal import PoolStore
public import Runtime

extension Agent {
  /// Holds the bases of each tier to its limits, and takes deletions up again that were cut off, in the pools of bases and of disks. With `dryRun` it
  /// only says what it would do. What cannot be looked into is told in the report.
  public func cleanPool(dryRun: Bool, context: RequestContext) async throws -> PoolCleanReport {
    var report = PoolCleanReport()
    // Before deletions: a disk may go once its image is free of it.
    do {
      try await finishUploads(dryRun: dryRun, &report, context)
    } catch {
      report.unavailable = try Self.told(error)
    }
    for tier in configuration.bases.tiers {
      do {
        try await withPresentPool(tier, context) { store in
          if report.pool == nil || tier == configuration.bases.rest { report.pool = tier.pool }
          if !dryRun { _ = try await store.sweep(context: context) }
          // What comes free here is occupied no more. In one pool for both, deletions are the disks'.
          let isShared = isDiskPool(tier)
          if !isShared { try await finishDeletions(in: store.pool, dryRun: dryRun, nil, &report, context) }
          report.pools.append(try await clean(store, tier, newcomer: nil, dryRun: dryRun, &report, context))
        }
      } catch {
        report.unavailable = try Self.told(error)
      }
    }
    if !dryRun { await sweepVolumes(context) }
    guard configuration.cluster(named: configuration.disks.cluster) != nil else { return report }
    do {
      let disks = try await rbdDisks(context)
      do {
        try await finishDeletions(in: disks.pool, dryRun: dryRun, disks, &report, context)
        await disks.pool.close()
      } catch {
        await disks.pool.close()
        throw error
      }
    } catch let error as SlipwayError where error.code == .configuration && (error.cause as? SlipwayError)?.cephErrno == 2 {
      return report
    } catch {
      report.unavailable = try Self.told(error)
    }
    return report
  }

  /// What cleaning would do now with bases in pools, by path.
  public func poolVerdicts(context: RequestContext) async throws -> [String: CleanVerdict] {
    let report = try await cleanPool(dryRun: true, context: context)
    var verdicts: [String: CleanVerdict] = [:]
    for gone in report.evicted { verdicts[gone.base.path] = .goes(gone.rule, gone.detail) }
    for kept in report.kept { verdicts[kept.base.path] = .stays(kept.reason, kept.detail) }
    return verdicts
  }

  /// Removes bases from pools because an operator asks for it, whatever the limits say; never one that is claimed or pinned, and one that disks stand
  /// on goes, if at all, to the trash.
  public func purgePool(_ bases: PoolBases, context: RequestContext) async throws -> PoolCleanReport {
    var report = PoolCleanReport()
    report.pool = bases.pool
    report.unavailable = bases.unavailable
    var policy = CleanPolicy()
    policy.movesUsed = configuration.bases.onUsed == .trash
    try await withPoolStores(of: bases.bases, context) { store, bases in
      let world = try await world(bases, store)
      for (index, base) in bases.enumerated() {
        if let keep = StoreCleaner.protection(of: world.bases[index], in: world, policy) {
          report.kept.append(PoolCleanReport.Kept(base: base, reason: keep.reason, detail: keep.detail))
        } else {
          _ = try await evict(base, .purge, store, &report, context)
        }
      }
    }
    return report
  }

  private func isDiskPool(_ tier: Configuration.Tier) -> Bool {
    configuration.disks.cluster == configuration.bases.cluster && configuration.disks.pool == tier.pool
  }

  private func policy(of tier: Configuration.Tier) -> CleanPolicy {
    var policy = CleanPolicy(
      minAge: configuration.clean.minAge.components.seconds, maxBytes: tier.maxBytes, maxCount: tier.maxCount > 0 ? tier.maxCount : nil)
    policy.movesUsed = configuration.bases.onUsed == .trash
    return policy
  }

  /// Decides by the one engine of cleaning, and acts base by base; what could not go makes others go, as long as a limit asks for it.
  func clean(
    _ store: PoolStore, _ tier: Configuration.Tier, newcomer: (name: PoolBaseName, size: ByteCount)?, dryRun: Bool,
    _ report: inout PoolCleanReport, _ context: RequestContext
  ) async throws -> PoolCleanReport.Pool {
    let policy = policy(of: tier)
    let bases = try await store.list().filter { $0.name != newcomer?.name }
    let byName = Dictionary(bases.map { ($0.name.image, $0) }, uniquingKeysWith: { one, _ in one })
    var world = try await world(bases, store)
    world.pending = try await store.pending()
    if let newcomer {
      world.bases.append(
        Base(
          name: "", path: "", file: nil, allocated: newcomer.size, created: world.now, lastUse: world.now, leases: ["its import"]))
    }
    var plan = StoreCleaner.plan(world, policy)
    while !dryRun, !plan.evictions.isEmpty {
      var isRefused = false
      for eviction in plan.evictions {
        guard let base = byName[eviction.name] else { continue }
        try context.deadline.check("the pool '\(store.pool.name)' was cleaned")
        if let keep = try await evict(base, eviction.rule, store, &report, context) {
          world.refused[eviction.name] = keep
          isRefused = true
        } else {
          world.bases.removeAll { $0.name == eviction.name }
        }
      }
      world.pending = try await store.pending()
      plan = StoreCleaner.plan(world, policy)
      if !isRefused { break }
    }
    if dryRun {
      report.evicted += plan.evictions.compactMap { eviction in
        byName[eviction.name].map {
          PoolCleanReport.Evicted(base: $0, rule: eviction.rule, isFree: !eviction.isDeferred, detail: eviction.detail)
        }
      }
    }
    let failed = Set(report.failed.map(\.base.name))
    report.kept += plan.keeps.compactMap { keep in
      guard let base = byName[keep.name], !failed.contains(base.name) else { return nil }
      return PoolCleanReport.Kept(base: base, reason: keep.reason, detail: keep.detail)
    }
    let stay = world.bases.filter { base in !plan.evictions.contains { $0.name == base.name } }
    let deferred = plan.evictions.filter(\.isDeferred).reduce(world.pending.bytes) { $0 + $1.allocated.bytes }
    return PoolCleanReport.Pool(
      name: tier.pool, tier: tier.name, count: stay.count, occupied: ByteCount(stay.reduce(0) { $0 + $1.allocated.bytes }),
      pending: ByteCount(deferred), unmet: plan.unmet)
  }

  /// The pool as the engine sees it: what a file is to the store is an image to the pool, told from others by the pool's id and a number.
  private func world(_ bases: [PoolBase], _ store: PoolStore) async throws -> World {
    var world = World(bases: [], free: .max, total: 0, now: Self.now)
    for (index, base) in bases.enumerated() {
      let file = FileIdentity(device: UInt64(bitPattern: store.pool.id), inode: UInt64(index))
      let pin: Base.Pin =
        switch (base.usage.pin, base.usage.pin?.expires) {
        case (nil, _): .none
        case (_, let expires?): .until(expires)
        case (_, nil): .lasting
        }
      world.bases.append(
        Base(
          name: base.name.image, path: base.path, file: file, allocated: base.allocated, created: base.record.created,
          lastUse: max(base.usage.lastUse, base.record.created), pin: pin,
          leases: base.usage.isClaimed ? ["a process that imports, verifies or removes it"] : []))
      let children = try await store.children(of: base)
      if !children.isEmpty { world.references[file] = children }
    }
    return world
  }

  /// Removes one base, looked at again under its claim; why it stays, nil when it is gone.
  private func evict(
    _ base: PoolBase, _ rule: CleanRule, _ store: PoolStore, _ report: inout PoolCleanReport, _ context: RequestContext
  ) async throws -> CleanPlan.Keep? {
    func keep(_ reason: KeepReason, _ detail: String?) -> CleanPlan.Keep {
      if rule == .purge { report.kept.append(PoolCleanReport.Kept(base: base, reason: reason, detail: detail)) }
      return CleanPlan.Keep(name: base.name.image, reason: reason, detail: detail)
    }
    do {
      switch try await store.evict(base, movingUsed: configuration.bases.onUsed == .trash, context: context) {
      case .evicted:
        report.evicted.append(PoolCleanReport.Evicted(base: base, rule: rule, isFree: true, detail: nil))
        context.log(.info, "a base was removed from its pool", ["base": base.path, "rule": rule.rawValue])
        return nil
      case .trashed(let disks):
        let detail = disks.isEmpty ? "somebody has it open" : "by \(disks.prefix(3).joined(separator: ", "))"
        report.evicted.append(PoolCleanReport.Evicted(base: base, rule: rule, isFree: false, detail: detail))
        context.log(.info, "a base was moved to the trash", ["base": base.path, "rule": rule.rawValue, "used": detail])
        return nil
      case .vanished: return nil
      case .inUse(let disks): return keep(.inUse, disks.isEmpty ? nil : "by \(disks.prefix(3).joined(separator: ", "))")
      case .used: return keep(.notNeeded, "it was used meanwhile")
      case .pinned: return keep(.pinned, nil)
      case .claimed: return keep(.leased, "its claim is held by work under way")
      }
    } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
      report.failed.append(PoolCleanReport.Failed(base: base, error: error))
      return CleanPlan.Keep(name: base.name.image, reason: .blocked, detail: error.message)
    }
  }

  /// Tries again to remove the images that were asked to go and could not: those that are noted, by their ids, and nothing else.
  private func finishDeletions(
    in pool: Pool, dryRun: Bool, _ disks: RBDDisks?, _ report: inout PoolCleanReport, _ context: RequestContext
  ) async throws {
    let queue = TrashQueue(pool)
    for entry in try await queue.entries() {
      try context.deadline.check("deletions in pool '\(pool.name)' were taken up again")
      var deletion = PoolCleanReport.Deletion(
        pool: pool.name, imageID: entry.id, name: entry.name, asked: entry.asked, isRemoved: false, detail: nil)
      guard !dryRun else {
        report.deletions.append(deletion)
        continue
      }
      do {
        switch try await queue.retry(entry) {
        case .removed: deletion.isRemoved = true
        case .dropped: continue
        case .held(let error): deletion.detail = error.message
        case .notMoved:
          guard let disks, try await disks.finishDeletion(entry, context: context) else {
            try await queue.forget(id: entry.id)
            continue
          }
          deletion.isRemoved = true
        }
      } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
        deletion.detail = error.message
      }
      report.deletions.append(deletion)
    }
  }
}
