internal import Model

/// Decides which bases may go. Pure: the same world and policy give the same plan, and nothing is asked or touched.
public enum StoreCleaner {
  /// What goes and what stays.
  ///
  /// Only bases that nothing protects are candidates. Those that no request will ask for again come first, then the others, least recently used
  /// first (ties by name). Each goes while a rule asks for it, so what goes is always the head of that order and the pass ends as soon as every
  /// limit is met. Where policy allows it, those that disks stand on are put aside last, for the limits alone, and only as many as those will need
  /// when all that was put aside is free.
  public static func plan(_ world: World, _ policy: CleanPolicy) -> CleanPlan {
    let protection = Protection(world, policy)
    var keeps: [CleanPlan.Keep] = []
    var candidates: [Base] = []
    var used: [(base: Base, keep: CleanPlan.Keep)] = []
    for base in world.bases {
      guard let keep = protection.reason(base) else {
        candidates.append(base)
        continue
      }
      if policy.movesUsed, keep.reason == .inUse, protection.reason(base, besidesUse: true) == nil {
        used.append((base, keep))
      } else {
        keeps.append(keep)
      }
    }
    candidates.sort { ($0.orphan == nil ? 1 : 0, $0.lastUse, $0.name) < ($1.orphan == nil ? 1 : 0, $1.lastUse, $1.name) }
    var limits = Limits(world, policy)
    var evictions: [CleanPlan.Eviction] = []
    for base in candidates {
      if let file = base.file, let rule = limits.rule(for: base) {
        evictions.append(CleanPlan.Eviction(name: base.name, file: file, rule: rule, allocated: base.allocated, detail: base.orphan))
        limits.remove(base)
      } else {
        keeps.append(CleanPlan.Keep(name: base.name, reason: .notNeeded, detail: nil))
      }
    }
    for (base, keep) in used.sorted(by: { ($0.base.lastUse, $0.base.name) < ($1.base.lastUse, $1.base.name) }) {
      if let file = base.file, let rule = limits.exceededLater.first {
        evictions.append(
          CleanPlan.Eviction(name: base.name, file: file, rule: rule, allocated: base.allocated, detail: keep.detail, isDeferred: true))
        limits.putAside(base)
      } else {
        keeps.append(keep)
      }
    }
    keeps.sort { $0.name < $1.name }
    return CleanPlan(evictions: evictions, keeps: keeps, unmet: limits.exceeded)
  }

  /// Why a base may not go, whatever the limits say; nil when it may. What is asked again, of a fresh world, under the base's lock.
  public static func protection(of base: Base, in world: World, _ policy: CleanPolicy) -> CleanPlan.Keep? {
    Protection(world, policy).reason(base, besidesUse: policy.movesUsed)
  }
}
