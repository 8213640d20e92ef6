internal import Cleaner
internal import Configuration
internal import Disks
internal import ImageStore
internal import Model
public import Runtime

extension Agent {
  /// Cleans the store: decides by the rules of the configuration, then looks at each base again under its lock and evicts it by the store's
  /// protocol. With `dryRun` it only decides. `done` is told of each base that went.
  ///
  /// Throws `busy` in maintenance, `timeout`, `CancellationError`. What keeps a single base, or all of them, is part of the report.
  public func clean(
    dryRun: Bool, context: RequestContext, done: @escaping @Sendable (CleanReport.Evicted) -> Void = { _ in }
  ) async throws -> CleanReport {
    let store = try await store(context)
    if !dryRun {
      try await store.refuseInMaintenance("cleaning")
      _ = try await store.sweep()
    }
    var report = CleanReport(dryRun: dryRun)
    // First, so that what comes free counts.
    try await discardOld(store, &report, context)
    var view = try await cleanView(store, context)
    if dryRun, let barrier = try await maintenanceBarrier(store) { view.world.barriers.append(barrier) }
    let policy = cleanPolicy
    report.unasked = try await markOrphans(&view, policy, store, context)
    var plan = StoreCleaner.plan(view.world, policy)
    if dryRun {
      report.evicted = plan.evictions.compactMap { eviction in
        view.summaries[eviction.name].map {
          CleanReport.Evicted(base: $0, rule: eviction.rule, detail: eviction.detail, reclaimed: eviction.allocated)
        }
      }
    } else {
      // What could not go makes others go, as long as a rule asks for it. Each round takes a base out of the world or marks it as refused.
      while !plan.evictions.isEmpty {
        var isRefused = false
        for eviction in plan.evictions {
          guard let summary = view.summaries[eviction.name] else { continue }
          if let barrier = try await maintenanceBarrier(store) { view.world.barriers.append(barrier) }
          let before = report.evicted.count
          try await evict(eviction.rule, eviction.detail, summary, policy, store, &view, &report, context)
          if report.evicted.count > before, let last = report.evicted.last { done(last) } else { isRefused = true }
        }
        guard isRefused else { break }
        plan = StoreCleaner.plan(view.world, policy)
      }
      plan = StoreCleaner.plan(view.world, policy)
    }
    let failed = Set(report.failed.map(\.base.name.text))
    report.kept = plan.keeps.compactMap { keep in
      guard !failed.contains(keep.name) else { return nil }
      return view.summaries[keep.name].map { CleanReport.Kept(base: $0, reason: keep.reason, detail: keep.detail) }
    }
    report.unmet = plan.unmet
    report.barriers = view.world.barriers
    report.disks = view.disks
    return report
  }

  /// What has been in quarantine for longer than the configuration says goes; nothing grows from it since it came there.
  private func discardOld(_ store: Store, _ report: inout CleanReport, _ context: RequestContext) async throws {
    for old in try await store.quarantined(longerThan: configuration.clean.quarantine) {
      if report.dryRun {
        report.quarantine.append(old)
        continue
      }
      do {
        guard try await store.discardQuarantined(old.fileName) != nil else { continue }
        report.quarantine.append(old)
        context.log(.info, "a damaged base left quarantine for good", ["file": old.path, "bytes": "\(old.allocated.bytes)"])
      } catch {
        try Task.checkCancellation()
        report.undiscarded.append(SlipwayError.wrap(error))
      }
    }
  }

  /// What cleaning would do now with the bases of an image, and who holds them, by name.
  public func cleanOutlook(of names: [String], context: RequestContext) async throws -> [String: CleanOutlook] {
    let store = try await store(context)
    var view = try await cleanView(store, context)
    if let barrier = try await maintenanceBarrier(store) { view.world.barriers.append(barrier) }
    _ = try await markOrphans(&view, cleanPolicy, store, context, only: Set(names))
    let plan = StoreCleaner.plan(view.world, cleanPolicy)
    var verdicts: [String: CleanVerdict] = [:]
    for eviction in plan.evictions { verdicts[eviction.name] = .goes(eviction.rule, eviction.detail) }
    for keep in plan.keeps { verdicts[keep.name] = .stays(keep.reason, keep.detail) }
    let files = Dictionary(view.world.bases.map { ($0.name, $0.file) }, uniquingKeysWith: { one, _ in one })
    var outlook: [String: CleanOutlook] = [:]
    for name in names {
      guard let verdict = verdicts[name] else { continue }
      let disks = (files[name] ?? nil).flatMap { view.disks.references[$0] } ?? []
      outlook[name] = CleanOutlook(
        verdict: verdict, users: disks.map { BaseUser(disk: $0, domains: view.disks.domains[$0] ?? []) })
    }
    return outlook
  }

  /// Removes the bases of an image because an operator asks for it, whatever the cleaning rules say; never one that something uses, claims or pins.
  /// Throws `base_not_found` when there is none.
  public func purge(_ image: String, context: RequestContext) async throws -> CleanReport {
    let store = try await store(context)
    let wanted = try await summaries(of: image, context)
    var view = try await cleanView(store, context)
    var report = CleanReport(dryRun: false)
    for summary in wanted { try await evict(.purge, nil, summary, CleanPolicy(), store, &view, &report, context) }
    report.kept = wanted.compactMap { summary in
      view.world.refused[summary.name.text].flatMap { keep in
        report.failed.contains { $0.base.name == summary.name }
          ? nil : CleanReport.Kept(base: summary, reason: keep.reason, detail: keep.detail)
      }
    }
    report.barriers = view.world.barriers
    report.disks = view.disks
    return report
  }

  /// As `purge`, in the store and in the pool. Throws `base_not_found` when there is none in either.
  public func purgeEverywhere(_ image: String, context: RequestContext) async throws -> (CleanReport, PoolCleanReport) {
    let (_, pooled) = try await basesEverywhere(of: image, context: context)
    var report = CleanReport(dryRun: false)
    do {
      report = try await purge(image, context: context)
    } catch let error as SlipwayError where error.code == .baseNotFound && !pooled.bases.isEmpty {}
    return (report, try await purgePool(pooled, context: context))
  }

  private func maintenanceBarrier(_ store: Store) async throws -> Barrier? {
    guard let maintenance = try await store.maintenance() else { return nil }
    return Barrier(.maintenance, "cleaning is stopped by maintenance" + (maintenance.note.map { " (\($0))" } ?? ""))
  }

  /// The second phase for one base: everything is looked at again under its lock. The world afterwards lacks the base, or says why it stays.
  private func evict(
    _ rule: CleanRule, _ detail: String?, _ summary: BaseSummary, _ policy: CleanPolicy, _ store: Store, _ view: inout CleanView,
    _ report: inout CleanReport, _ context: RequestContext
  ) async throws {
    try context.deadline.check("the store \(store.path) was cleaned")
    let name = summary.name
    func keep(_ reason: KeepReason, _ detail: String?) {
      view.world.refused[name.text] = CleanPlan.Keep(name: name.text, reason: reason, detail: detail)
    }
    do {
      // Whoever holds the lock longer than a moment works on the base.
      var brief = context
      brief.deadline = context.deadline.capped(.seconds(1))
      // Cleaning that waits is no reason to hurry for whoever works on the base.
      brief.priority = .scrub
      let lock = try await store.lock(name, context: brief)
      defer { lock.release() }
      guard let now = try await store.summary(of: name) else {
        view.world.bases.removeAll { $0.name == name.text }
        return
      }
      if let found = try await reasonToStay(now, was: summary, policy, store, &view, context) {
        view.world.refused[name.text] = found
        return
      }
      switch try await store.evict(lock, ownsSharedFileSystem: configuration.store.isOwned) {
      case .evicted(let bytes):
        view.world.bases.removeAll { $0.name == name.text }
        view.world.free = min(view.world.free, .max - bytes.bytes) + bytes.bytes
        report.evicted.append(CleanReport.Evicted(base: now, rule: rule, detail: detail, reclaimed: bytes))
        Metric.evictions.count(1, rule.rawValue)
        context.log(.info, "a base was removed", ["base": name.text, "rule": rule.rawValue, "bytes": "\(bytes.bytes)"])
      case .vanished, .quarantined: view.world.bases.removeAll { $0.name == name.text }
      case .pinned: keep(.pinned, nil)
      case .leased: keep(.leased, nil)
      case .inUse: keep(.inUse, "it is open in some process")
      case .foreign: keep(.notOurs, nil)
      case .denied, .leaseUnsupported, .sharedFileSystem:
        keep(.blocked, "nothing proves that it is unused")
      }
    } catch let error as SlipwayError where error.code == .timeout && !context.deadline.hasPassed {
      keep(.leased, "its lock is held by work under way")
    } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
      report.failed.append(CleanReport.Failed(base: summary, error: error))
      keep(.blocked, error.message)
    }
  }

  private func reasonToStay(
    _ now: BaseSummary, was: BaseSummary, _ policy: CleanPolicy, _ store: Store, _ view: inout CleanView, _ context: RequestContext
  ) async throws -> CleanPlan.Keep? {
    let name = now.name.text
    guard now.device == was.device, now.inode == was.inode else {
      return CleanPlan.Keep(name: name, reason: .young, detail: "it was made anew meanwhile")
    }
    // Its uses are counted, too: within one second the time says nothing.
    guard now.usage.lastUse <= was.usage.lastUse, now.usage.hits == was.usage.hits else {
      return CleanPlan.Keep(name: name, reason: .notNeeded, detail: "it was used meanwhile")
    }
    var isStale = view.isStale
    if !isStale { isStale = try await isOutOfDate(view.domains, context) }
    if isStale { try await look(&view, store, context) }
    let base = cleanBase(now, try await store.leases(of: now.name))
    return StoreCleaner.protection(of: base, in: view.world, policy)
  }
}
