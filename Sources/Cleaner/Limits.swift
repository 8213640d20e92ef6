internal import Model

/// How far the limits are exceeded, as bases go.
struct Limits {
  private let policy: CleanPolicy
  private let now: Int64
  private let watermark: Int64
  private var occupied: Int64
  private var count: Int
  private var free: Int64
  /// What comes free later, as disks go.
  private var promised: Int64

  init(_ world: World, _ policy: CleanPolicy) {
    self.policy = policy
    now = world.now
    watermark = policy.watermark(total: world.total)
    promised = world.pending.bytes
    occupied = world.bases.filter(\.isOurs).reduce(promised) { Self.sum($0, $1.allocated.bytes) }
    count = world.bases.count { $0.isOurs }
    free = world.free
  }

  /// The rule that asks for this candidate now.
  func rule(for base: Base) -> CleanRule? {
    if base.orphan != nil { return .imageGone }
    if policy.unusedFor > 0 {
      // A last use that lies ahead is one that was just now.
      let (idle, overflow) = now.subtractingReportingOverflow(base.lastUse)
      if overflow ? base.lastUse < 0 : idle > policy.unusedFor { return .unused }
    }
    return exceeded.first
  }

  /// The limits that are exceeded, in the rules' order.
  var exceeded: [CleanRule] { exceeded(occupied: occupied, free: free) }

  /// The limits that will still be exceeded when everything that was put aside is free: only they put more aside.
  var exceededLater: [CleanRule] { exceeded(occupied: max(0, occupied - promised), free: Self.sum(free, promised)) }

  private func exceeded(occupied: Int64, free: Int64) -> [CleanRule] {
    var rules: [CleanRule] = []
    if let limit = policy.maxBytes, occupied > limit.bytes { rules.append(.overSize) }
    if free < watermark { rules.append(.lowSpace) }
    if let limit = policy.maxCount, count > limit { rules.append(.overCount) }
    return rules
  }

  mutating func remove(_ base: Base) {
    occupied = max(0, occupied - base.allocated.bytes)
    count -= 1
    free = Self.sum(free, base.allocated.bytes)
  }

  /// A base that disks stand on is none any more, and its bytes stay where they are.
  mutating func putAside(_ base: Base) {
    promised = Self.sum(promised, base.allocated.bytes)
    count -= 1
  }

  private static func sum(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }
}
