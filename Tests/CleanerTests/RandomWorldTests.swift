import Cleaner
import Model
import Testing
import TestSupport

/// Thousands of random worlds, for what must hold in every one. The checks say the rules again in their own words.
@Suite(.timeLimit(.minutes(1))) struct RandomWorldTests {
  struct Draw {
    var world: World
    var policy: CleanPolicy
  }

  static func draw(_ seed: UInt64) -> Draw {
    var random = SplitMix64(seed: seed)
    let now: Int64 = 10_000
    func moment() -> Int64 {
      Bool.random(using: &random) ? .random(in: 9_900...10_050, using: &random) : .random(in: 0...10_000, using: &random)
    }
    func often(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    let bases = (0..<Int.random(in: 0...24, using: &random)).map { index in
      Base(
        name: "b\(index)", path: "/s/b\(index)", file: often(3) ? nil : Bed.file(UInt64(index)),
        allocated: ByteCount(.random(in: 0...100, using: &random)), created: moment(), lastUse: moment(),
        pin: often(80) ? .none : often(50) ? .lasting : .until(moment()), leases: often(15) ? ["work"] : [], isDamaged: often(10),
        isOurs: !often(5), orphan: often(10) ? "its image is deleted" : nil)
    }
    var world = World(
      bases: bases.shuffled(using: &random), free: .random(in: 0...500, using: &random), total: often(10) ? 0 : 2000, now: now)
    for base in bases {
      if often(25), let file = base.file { world.references[file] = ["/disks/\(base.name)"] }
      if often(3) { world.refused[base.name] = CleanPlan.Keep(name: base.name, reason: .inUse, detail: "open") }
      if often(5) { world.missing[often(50) ? base.path : "/elsewhere/\(base.name)"] = ["/disks/m"] }
      if often(5) { world.unreadable.append(UnreadableDisk(disk: "/disks/u", mayReferTo: .path("/x/\(base.name)"), problem: "damaged")) }
    }
    if often(4) { world.unreadable.append(UnreadableDisk(disk: "/disks/v", mayReferTo: .anything, problem: "damaged")) }
    if often(4) { world.barriers = [Barrier(.scanIncomplete, "too many")] }
    let policy = CleanPolicy(
      unusedFor: often(50) ? 0 : .random(in: 1...5000, using: &random), minAge: .random(in: 0...200, using: &random),
      maxBytes: often(50) ? nil : ByteCount(.random(in: 0...1200, using: &random)),
      maxCount: often(50) ? nil : .random(in: 0...24, using: &random),
      minFree: often(50) ? .percent(.random(in: 0...60, using: &random)) : .bytes(ByteCount(.random(in: 0...1500, using: &random))))
    return Draw(world: world, policy: policy)
  }

  /// The requirement in its own words: not pinned, not leased, in no chain, of no doubt, and old enough.
  static func mayGo(_ base: Base, _ draw: Draw) -> Bool {
    let world = draw.world
    guard base.isOurs, world.refused[base.name] == nil, world.barriers.isEmpty, base.leases.isEmpty, let file = base.file,
      world.references[file] == nil
    else {
      return false
    }
    switch base.pin {
    case .lasting: return false
    case .until(let end) where world.now < end: return false
    default: break
    }
    func isNamed(_ path: String) -> Bool { path.hasSuffix("/" + base.name) }
    if world.missing.keys.contains(where: isNamed) { return false }
    for disk in world.unreadable {
      if disk.mayReferTo == .anything { return false }
      if case .path(let path) = disk.mayReferTo, isNamed(path) { return false }
    }
    return base.created <= world.now && base.created + draw.policy.minAge <= world.now
  }

  static func isWithinLimits(_ bases: [Base], freed: Int64, _ draw: Draw) -> Bool {
    let policy = draw.policy
    let ours = bases.filter(\.isOurs)
    if let limit = policy.maxBytes, ours.map(\.allocated.bytes).reduce(0, +) > limit.bytes { return false }
    if let limit = policy.maxCount, ours.count > limit { return false }
    switch policy.minFree {
    case .bytes(let count): return draw.world.free + freed >= count.bytes
    case .percent(let percent): return draw.world.free + freed >= draw.world.total * Int64(percent) / 100
    }
  }

  static let seeds = Array(UInt64(0)..<3000)

  func forEach(_ body: (UInt64, Draw, CleanPlan) -> Void) {
    for seed in Self.seeds {
      let draw = Self.draw(seed)
      body(seed, draw, StoreCleaner.plan(draw.world, draw.policy))
    }
  }

  @Test func nothingInUseLeasedPinnedOrYoungIsEverChosen() {
    var chosen = 0
    forEach { seed, draw, plan in
      for eviction in plan.evictions {
        chosen += 1
        let base = draw.world.bases.first { $0.name == eviction.name }
        #expect(base.map { Self.mayGo($0, draw) } == true, "seed \(seed): \(eviction.name)")
        #expect(base?.file == eviction.file, "seed \(seed)")
      }
    }
    #expect(chosen > 5000, "the worlds are too tame to prove anything")
  }

  @Test func whatMayGoAndStaysIsTheMostRecentlyUsedAndNotNeeded() {
    forEach { seed, draw, plan in
      let able = draw.world.bases.filter { Self.mayGo($0, draw) }.sorted { ($0.lastUse, $0.name) < ($1.lastUse, $1.name) }
      let candidates = able.filter { $0.orphan != nil } + able.filter { $0.orphan == nil }
      #expect(plan.gone == candidates.prefix(plan.evictions.count).map(\.name), "seed \(seed)")
      for base in candidates.dropFirst(plan.evictions.count) { #expect(plan.keep(base.name)?.reason == .notNeeded, "seed \(seed)") }
    }
  }

  @Test func itStopsAsSoonAsTheLimitsAreMetAndNotBefore() {
    forEach { seed, draw, plan in
      var left = draw.world.bases
      var freed: Int64 = 0
      func isUnused(_ base: Base) -> Bool { draw.policy.unusedFor > 0 && draw.world.now - base.lastUse > draw.policy.unusedFor }
      for eviction in plan.evictions {
        guard let index = left.firstIndex(where: { $0.name == eviction.name }) else { continue }
        let base = left.remove(at: index)
        // When it was chosen, either nothing had used it or a limit was exceeded.
        #expect(
          base.orphan != nil || isUnused(base) || !Self.isWithinLimits(left + [base], freed: freed, draw), "seed \(seed): \(base.name)")
        #expect((eviction.rule == .imageGone) == (base.orphan != nil), "seed \(seed): \(base.name)")
        #expect((eviction.rule == .unused) == (isUnused(base) && base.orphan == nil), "seed \(seed): \(base.name)")
        freed += base.allocated.bytes
      }
      let within = Self.isWithinLimits(left, freed: freed, draw)
      #expect(plan.unmet.isEmpty == within, "seed \(seed)")
      let idle = left.filter { Self.mayGo($0, draw) }
      #expect(idle.allSatisfy { !isUnused($0) && $0.orphan == nil }, "seed \(seed)")
      #expect(within || idle.isEmpty, "seed \(seed): limits are exceeded, and \(idle.map(\.name)) could go")
    }
  }

  @Test func theOrderOfWhatWasGatheredDoesNotMatter() {
    forEach { seed, draw, plan in
      var random = SplitMix64(seed: seed &+ 1)
      var world = draw.world
      world.bases.shuffle(using: &random)
      world.unreadable.shuffle(using: &random)
      #expect(StoreCleaner.plan(world, draw.policy) == plan, "seed \(seed)")
    }
  }

  @Test func decidingAgainAfterwardsChoosesNothingMore() {
    forEach { seed, draw, plan in
      var world = draw.world
      let gone = Set(plan.gone)
      world.bases.removeAll { gone.contains($0.name) }
      world.free += plan.reclaimed.bytes
      #expect(StoreCleaner.plan(world, draw.policy).evictions == [], "seed \(seed)")
    }
  }

  @Test func everyBaseIsToldOnce() {
    forEach { seed, draw, plan in
      #expect((plan.gone + plan.keeps.map(\.name)).sorted() == draw.world.bases.map(\.name).sorted(), "seed \(seed)")
    }
  }

  @Test func tenThousandBasesAndAThousandDisksAreDecided() {
    var random = SplitMix64(seed: 1)
    let bases = (0..<10_000).map { Bed.base(UInt64($0), lastUse: .random(in: 1...500_000, using: &random), size: 1 << 30) }
    var world = Bed.world(bases)
    for disk in 0..<1000 { world.references[Bed.file(.random(in: 0..<10_000, using: &random)), default: []].append("/disks/\(disk)") }
    let clock = ContinuousClock()
    let start = clock.now
    let plan = StoreCleaner.plan(world, CleanPolicy(unusedFor: 700_000, minAge: 10, maxBytes: .gib(3000)))
    print("10 000 bases and 1 000 disks decided in \(clock.now - start)")
    #expect(plan.evictions.count == 7000)
    #expect(Set(plan.gone).isDisjoint(with: world.references.keys.map { "b\($0.inode)" }))
  }
}
