import Cleaner
import Model
import Testing

@Suite struct RuleTests {
  /// Four bases of 100 bytes, b1 the least recently used, in a shuffled order; 1000 of 10 000 bytes are free.
  let four = Bed.world([3, 1, 4, 2].map { Bed.base($0, lastUse: 1000 * Int64($0)) })

  @Test func withoutARuleNothingGoes() {
    let plan = StoreCleaner.plan(four, CleanPolicy())
    #expect(plan.gone == [])
    #expect(plan.keeps.map(\.reason) == [.notNeeded, .notNeeded, .notNeeded, .notNeeded])
    #expect(plan.keeps.map(\.name) == ["b1", "b2", "b3", "b4"])
  }

  @Test func theUnusedGoLongestUnusedFirst() {
    let plan = StoreCleaner.plan(four, CleanPolicy(unusedFor: Bed.now - 3000))
    #expect(plan.gone == ["b1", "b2"])
    #expect(plan.rules == [.unused, .unused])
  }

  @Test func aSizeThatFitsExactlyIsNotOver() {
    #expect(StoreCleaner.plan(four, CleanPolicy(maxBytes: ByteCount(400))).gone == [])
    let plan = StoreCleaner.plan(four, CleanPolicy(maxBytes: ByteCount(399)))
    #expect(plan.gone == ["b1"])
    #expect(plan.rules == [.overSize])
    #expect(plan.reclaimed == ByteCount(100))
  }

  @Test func freeSpaceIsCountedAsBasesGo() {
    #expect(StoreCleaner.plan(four, CleanPolicy(minFree: .bytes(ByteCount(1000)))).gone == [])
    let plan = StoreCleaner.plan(four, CleanPolicy(minFree: .bytes(ByteCount(1101))))
    #expect(plan.gone == ["b1", "b2"])
    #expect(plan.rules == [.lowSpace, .lowSpace])
    #expect(StoreCleaner.plan(four, CleanPolicy(minFree: .percent(11))).gone == ["b1"])
  }

  @Test func aShareOfAVeryLargeFileSystemDoesNotOverflow() {
    var world = four
    world.total = .max
    world.free = .max
    #expect(StoreCleaner.plan(world, CleanPolicy(minFree: .percent(100))).gone == [])
  }

  @Test func theCountIsHeld() {
    let plan = StoreCleaner.plan(four, CleanPolicy(maxCount: 1))
    #expect(plan.gone == ["b1", "b2", "b3"])
    #expect(Set(plan.rules) == [.overCount])
  }

  @Test func severalRulesAddUpInTheirOrder() {
    let plan = StoreCleaner.plan(
      four, CleanPolicy(unusedFor: Bed.now - 2000, maxBytes: ByteCount(250), maxCount: 1))
    #expect(plan.gone == ["b1", "b2", "b3"])
    #expect(plan.rules == [.unused, .overSize, .overCount])
  }

  @Test func aBaseWhoseImageIsGoneGoesFirstAndAtOnce() {
    var world = four
    for index in world.bases.indices where world.bases[index].name == "b3" { world.bases[index].orphan = "its image is deleted" }
    let plan = StoreCleaner.plan(world, CleanPolicy(maxCount: 2))
    #expect(plan.gone == ["b3", "b1"])
    #expect(plan.rules == [.imageGone, .overCount])
    #expect(plan.evictions.map(\.detail) == ["its image is deleted", nil])
  }

  @Test func aBaseWhoseImageIsGoneKeepsItsMinimumAge() {
    var world = four
    for index in world.bases.indices { world.bases[index].orphan = "its image is deleted" }
    #expect(StoreCleaner.plan(world, CleanPolicy(minAge: Bed.now)).gone == [])
  }

  @Test func whatCouldNotBeEvictedIsNotTriedAgainAndOthersGoInstead() {
    var world = four
    world.refused["b1"] = CleanPlan.Keep(name: "b1", reason: .inUse, detail: "it is open")
    let plan = StoreCleaner.plan(world, CleanPolicy(maxCount: 3))
    #expect(plan.gone == ["b2"])
    #expect(plan.keep("b1")?.detail == "it is open")
  }

  @Test func tiesGoByName() {
    let world = Bed.world([3, 1, 2].map { Bed.base($0) })
    #expect(StoreCleaner.plan(world, CleanPolicy(maxCount: 1)).gone == ["b1", "b2"])
  }

  @Test func whatMayNotGoCountsAgainstTheLimitsAndLeavesThemUnmet() {
    var world = four
    world.references = [Bed.file(1): ["/d"], Bed.file(2): ["/d"], Bed.file(3): ["/d"]]
    let plan = StoreCleaner.plan(world, CleanPolicy(maxBytes: ByteCount(250), maxCount: 3))
    #expect(plan.gone == ["b4"])
    #expect(plan.unmet == [.overSize])
  }

  @Test func whatIsNotOursCountsForNoLimit() {
    var world = four
    for index in world.bases.indices where world.bases[index].name != "b4" { world.bases[index].isOurs = false }
    #expect(StoreCleaner.plan(world, CleanPolicy(maxBytes: ByteCount(100), maxCount: 1)).gone == [])
  }

  @Test func aUseThatLiesAheadIsARecentOne() {
    let world = Bed.world([Bed.base(1, lastUse: Bed.now + 1000), Bed.base(2, lastUse: .max)])
    #expect(StoreCleaner.plan(world, CleanPolicy(unusedFor: 1)).gone == [])
    #expect(StoreCleaner.plan(world, CleanPolicy(maxCount: 1)).gone == ["b1"])
  }

  @Test func anEmptyStoreWithTooLittleSpaceIsNoFailure() {
    var world = Bed.world([])
    world.free = 0
    let plan = StoreCleaner.plan(world, CleanPolicy(minFree: .percent(10)))
    #expect(plan.gone == [])
    #expect(plan.unmet == [.lowSpace])
  }
}
