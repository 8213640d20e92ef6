import Cleaner
import Model
import Testing

/// Where policy lets bases go that disks stand on: last, for limits alone, and without a promise that their space is free.
@Suite(.timeLimit(.minutes(1))) struct UsedBaseTests {
  /// Bases of 100 bytes, those of `used` with a disk each; the lower the number the longer unused.
  func world(_ count: UInt64, used: [UInt64]) -> World {
    var world = Bed.world((1...count).map { Bed.base($0, lastUse: 1000 * Int64($0)) })
    for number in used { world.references[Bed.file(number)] = ["vms/d\(number)"] }
    return world
  }

  func policy(bytes: Int64? = nil, count: Int? = nil, moves: Bool = true) -> CleanPolicy {
    var policy = CleanPolicy(maxBytes: bytes.map(ByteCount.init), maxCount: count)
    policy.movesUsed = moves
    return policy
  }

  @Test func theyStayUnlessPolicyMovesThem() {
    let plan = StoreCleaner.plan(world(2, used: [1, 2]), policy(bytes: 100, moves: false))
    #expect(plan.gone == [])
    #expect(plan.unmet == [.overSize])
    #expect(plan.keeps.map(\.reason) == [.inUse, .inUse])
  }

  @Test func theUnusedGoFirstHoweverRecentTheirUse() {
    let plan = StoreCleaner.plan(world(2, used: [1]), policy(bytes: 100))
    #expect(plan.gone == ["b2"])
    #expect(plan.evictions.map(\.isDeferred) == [false])
    #expect(plan.keep("b1")?.reason == .inUse)
    #expect(plan.unmet == [])
  }

  @Test func oneThatIsPutAsideFreesNothing() throws {
    let plan = StoreCleaner.plan(world(3, used: [1, 2, 3]), policy(bytes: 200))
    #expect(plan.gone == ["b1"])
    let eviction = try #require(plan.evictions.first)
    #expect(eviction.isDeferred && eviction.rule == .overSize && eviction.detail == "by vms/d1")
    #expect(plan.reclaimed == ByteCount(0))
    #expect(plan.unmet == [.overSize], "its bytes are still taken")
  }

  @Test func aCountIsMetByIt() {
    let plan = StoreCleaner.plan(world(3, used: [1, 2, 3]), policy(count: 1))
    #expect(plan.gone == ["b1", "b2"])
    #expect(plan.rules == [.overCount, .overCount])
    #expect(plan.unmet == [])
  }

  @Test func whatIsPendingDrivesOutTheUnusedAndNoMoreThatAreUsed() {
    var world = world(3, used: [1])
    world.pending = ByteCount(100)
    // 400 are taken: both unused ones go, and when the pending 100 are free, b1 alone is within the limit.
    let plan = StoreCleaner.plan(world, policy(bytes: 150))
    #expect(plan.gone == ["b2", "b3"])
    #expect(plan.unmet == [.overSize])
    #expect(plan.keep("b1")?.reason == .inUse)
  }

  @Test func pinsClaimsAgeAndDoubtProtectThemAsAnyOther() {
    var world = world(5, used: [1, 2, 3, 4, 5])
    for (index, base) in world.bases.enumerated() {
      switch base.name {
      case "b1": world.bases[index].pin = .lasting
      case "b2": world.bases[index].leases = ["work"]
      case "b3": world.bases[index].created = Bed.now - 5
      case "b4": world.unreadable = [UnreadableDisk(disk: "/d", mayReferTo: .path(base.path), problem: "damaged")]
      default: break
      }
    }
    var policy = policy(bytes: 0)
    policy.maxBytes = ByteCount(1)
    policy.minAge = 10
    #expect(StoreCleaner.plan(world, policy).gone == ["b5"])
    world.barriers = [Barrier(.maintenance, "stopped")]
    #expect(StoreCleaner.plan(world, policy).gone == [])
  }

  @Test func inRandomWorldsTheyComeAfterAllOthersAndOnlyAsManyAsWillBeNeeded() {
    var chosen = 0
    for seed in RandomWorldTests.seeds {
      var draw = RandomWorldTests.draw(seed)
      draw.world.pending = ByteCount(Int64(seed % 5) * 40)
      let before = StoreCleaner.plan(draw.world, draw.policy)
      draw.policy.movesUsed = true
      let plan = StoreCleaner.plan(draw.world, draw.policy)
      #expect(Array(plan.evictions.prefix { !$0.isDeferred }) == before.evictions, "seed \(seed)")
      let deferred = plan.evictions.drop { !$0.isDeferred }
      chosen += deferred.count
      for eviction in deferred {
        #expect(eviction.isDeferred, "seed \(seed)")
        #expect(draw.world.references[eviction.file] != nil, "seed \(seed): \(eviction.name) is not used at all")
        var idle = draw
        idle.world.references[eviction.file] = nil
        let base = draw.world.bases.first { $0.name == eviction.name }
        #expect(base.map { RandomWorldTests.mayGo($0, idle) } == true, "seed \(seed): \(eviction.name) is protected")
      }
      #expect((plan.gone + plan.keeps.map(\.name)).sorted() == draw.world.bases.map(\.name).sorted(), "seed \(seed)")
      var after = draw.world
      after.bases.removeAll { plan.gone.contains($0.name) }
      after.free += plan.reclaimed.bytes
      after.pending = ByteCount(after.pending.bytes + deferred.reduce(0) { $0 + $1.allocated.bytes })
      #expect(StoreCleaner.plan(after, draw.policy).evictions == [], "seed \(seed): deciding again chooses more")
    }
    #expect(chosen > 1000, "the worlds are too tame to prove anything")
  }
}
