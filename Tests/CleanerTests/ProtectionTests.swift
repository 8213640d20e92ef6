import Cleaner
import Model
import Testing

@Suite struct ProtectionTests {
  /// The plan for one base that would go if nothing protected it.
  func fate(_ change: (inout Base) -> Void = { _ in }, _ more: (inout World) -> Void = { _ in }) -> (gone: Bool, keep: CleanPlan.Keep?) {
    var base = Bed.base(7)
    change(&base)
    var world = Bed.world([base])
    more(&world)
    let plan = StoreCleaner.plan(world, Bed.strict)
    return (plan.gone == ["b7"], plan.keep("b7"))
  }

  @Test func aBaseThatNothingProtectsGoes() {
    #expect(fate().gone)
  }

  @Test func aPinHoldsUntilItsEnd() {
    #expect(fate { $0.pin = .lasting }.keep?.reason == .pinned)
    #expect(fate { $0.pin = .until(Bed.now + 1) }.keep?.reason == .pinned)
    #expect(fate { $0.pin = .until(Bed.now) }.gone)
  }

  @Test func aLeaseHolds() {
    let fate = fate { $0.leases = ["disk 'a' of process 12"] }
    #expect(fate.keep?.reason == .leased)
    #expect(fate.keep?.detail == "by disk 'a' of process 12")
  }

  @Test func aDiskProtectsByDeviceAndInodeNotByPath() {
    let same = fate({ _ in }) { $0.references = [Bed.file(7): ["/disks/z", "/disks/a"]] }
    #expect(same.keep?.reason == .inUse)
    #expect(same.keep?.detail == "by /disks/a, /disks/z")
    #expect(fate({ _ in }) { $0.references = [FileIdentity(device: 2, inode: 7): ["/disks/a"]] }.gone)
  }

  @Test func manyDisksAreCounted() {
    let keep = fate({ _ in }) { $0.references = [Bed.file(7): (1...9).map { "/d\($0)" }] }.keep
    #expect(keep?.detail == "by /d1, /d2, /d3 and 6 more")
  }

  @Test func aNameThatLeadsNowhereProtectsByPathAndByFileName() {
    #expect(fate({ _ in }) { $0.missing = ["/store/bases/b7": ["/disks/a"]] }.keep?.reason == .inUse)
    #expect(fate({ _ in }) { $0.missing = ["/mnt/not-mounted/b7": ["/disks/a"]] }.keep?.reason == .inUse)
    #expect(fate({ _ in }) { $0.missing = ["/store/bases/b77": ["/disks/a"]] }.gone)
  }

  @Test func aBaseThatCouldNotBeLookedAtStays() {
    #expect(fate { $0.file = nil }.keep?.reason == .inUse)
  }

  @Test func anUnreadableDiskProtectsWhatItMayReferTo() {
    func with(_ extent: UnreadableDisk.Extent) -> (gone: Bool, keep: CleanPlan.Keep?) {
      fate({ _ in }) { $0.unreadable = [UnreadableDisk(disk: "/disks/a", mayReferTo: extent, problem: "it is damaged")] }
    }
    #expect(with(.anything).keep?.reason == .unreadableDisk)
    #expect(with(.anything).keep?.detail == "/disks/a: it is damaged")
    #expect(with(.path("/store/bases/b7")).keep?.reason == .unreadableDisk)
    #expect(with(.path("/elsewhere/b7")).keep?.reason == .unreadableDisk)
    #expect(with(.path("/store/bases/b8")).gone)
  }

  @Test func theMinimumAgeIsReachedAtItsSecond() {
    #expect(fate { $0.created = Bed.now - 9 }.keep?.reason == .young)
    #expect(fate { $0.created = Bed.now - 10 }.gone)
  }

  @Test("a clock that was set back makes a base young, also without a minimum age")
  func clockSetBack() {
    var world = Bed.world([Bed.base(7, created: Bed.now + 1)])
    #expect(StoreCleaner.plan(world, CleanPolicy(unusedFor: 1)).keep("b7")?.reason == .young)
    world.now = .min
    #expect(StoreCleaner.plan(world, CleanPolicy(unusedFor: 1)).keep("b7")?.reason == .young)
  }

  @Test func aBaseOfSomebodyElseStays() {
    #expect(fate { $0.isOurs = false }.keep?.reason == .notOurs)
  }

  @Test func aDamagedBaseGoesByTheSameRules() {
    #expect(fate { $0.isDamaged = true }.gone)
    #expect(fate({ $0.isDamaged = true }) { $0.references = [Bed.file(7): ["/disks/a"]] }.keep?.reason == .inUse)
  }

  @Test(arguments: Barrier.Reason.allCases) func aBarrierStopsAll(_ reason: Barrier.Reason) {
    let keep = fate({ _ in }) { $0.barriers = [Barrier(reason, "the host said no")] }.keep
    #expect(keep?.reason == .blocked)
    #expect(keep?.detail == "the host said no")
  }

  @Test func theFirstReasonIsTold() {
    var base = Bed.base(7, created: Bed.now, pin: .lasting)
    base.leases = ["x"]
    var world = Bed.world([base])
    world.references = [Bed.file(7): ["/d"]]
    #expect(StoreCleaner.plan(world, Bed.strict).keep("b7")?.reason == .pinned)
    base.pin = .none
    #expect(StoreCleaner.protection(of: base, in: world, Bed.strict)?.reason == .leased)
    base.leases = []
    #expect(StoreCleaner.protection(of: base, in: world, Bed.strict)?.reason == .inUse)
  }
}
