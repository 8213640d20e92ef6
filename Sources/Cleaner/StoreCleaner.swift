internal import Model

/// Decides which bases may go. Pure: the same world and policy give the same plan, and nothing is asked or touched.
public enum StoreCleaner {
  /// What goes and what stays.
  ///
  /// Only bases that nothing protects are candidates. Those that no request will ask for again come first, then the others, least recently used
  /// first (ties by name). Each goes while a rule asks for it, so what goes is always the head of that order and the pass ends as soon as every
  /// limit is met.
  public static func plan(_ world: World, _ policy: CleanPolicy) -> CleanPlan {
    let protection = Protection(world, policy)
    var keeps: [CleanPlan.Keep] = []
    var candidates: [Base] = []
    for base in world.bases {
      if let keep = protection.reason(base) { keeps.append(keep) } else { candidates.append(base) }
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
    keeps.sort { $0.name < $1.name }
    return CleanPlan(evictions: evictions, keeps: keeps, unmet: limits.exceeded)
  }

  /// Why a base may not go, whatever the limits say; nil when it may. What is asked again, of a fresh world, under the base's lock.
  public static func protection(of base: Base, in world: World, _ policy: CleanPolicy) -> CleanPlan.Keep? {
    Protection(world, policy).reason(base)
  }
}
