import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1)), .serialized) struct EvictTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A store with one base of 1 MiB.
  private func filled(type: Int64? = nil) async throws -> (Store, BaseName) {
    let store = try await Store.open(
      path: scratch.storePath, create: true, pool: scratch.pool, unnamed: true, fileSystemType: type)
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    return (store, try await store.put(bytes, as: identity(), context: scratch.context).record.name)
  }

  private func evict(
    _ store: Store, _ name: BaseName, to goal: Store.Goal = .nowhere, at step: @escaping @Sendable (Store.EvictionStep) throws -> Void
  ) async throws -> EvictionOutcome {
    let lock = try await store.lock(name, context: scratch.context)
    defer { lock.release() }
    return try await scratch.pool.run { try store.removeNow(lock, to: goal, false, at: step) }
  }

  @Test func whatNothingUsesGoesWithAllThatLiesBesideIt() async throws {
    let (store, name) = try await filled()
    let allocated = try #require(try await store.summary(of: name)).allocated
    let outcome = try await store.purge(name, context: scratch.context)
    #expect(outcome == .evicted(allocated))
    #expect(allocated.bytes >= 1 << 20)
    for directory in ["bases", "meta", "tmp", "leases", "quarantine"] { #expect(scratch.names(directory) == []) }
    #expect(try await store.usage(of: name) == nil)
    #expect(try await store.purge(name, context: scratch.context) == .vanished)
    await store.close()
  }

  @Test func aHardLinkElsewhereFreesNothing() async throws {
    let (store, name) = try await filled()
    #expect(link(store.path(of: name), scratch.path + "/elsewhere") == 0)
    #expect(try await store.purge(name, context: scratch.context) == .evicted(ByteCount(0)))
    await store.close()
  }

  @Test func pinnedAndLeasedBasesStay() async throws {
    let (store, name) = try await filled()
    try await store.pin(name)
    #expect(try await store.purge(name, context: scratch.context) == .pinned)
    try await store.unpin(name)
    let lease = try await store.lease(name, note: "", context: scratch.context)
    #expect(try await store.purge(name, context: scratch.context) == .leased)
    lease.release()
    #expect(try await store.purge(name, context: scratch.context).isGone)
    await store.close()
  }

  @Test func aBaseThatIsOpenStays() async throws {
    let (store, name) = try await filled()
    let file = try await store.openBase(name)
    #expect(try await store.purge(name, context: scratch.context) == .inUse)
    #expect(try await store.state(of: name).record != nil)
    try file.close()
    #expect(try await store.purge(name, context: scratch.context).isGone)
    await store.close()
  }

  @Test func whoOpensItBetweenTheLeaseAndTheRenameKeepsIt() async throws {
    let (store, name) = try await filled()
    let path = store.path(of: name)
    let outcome = try await evict(store, name) { step in
      // Does not wait for the lease, but breaks it: what an opener that waits looks like to the kernel.
      if step == .leased { #expect(open(path, O_RDONLY | O_NONBLOCK) == -1) }
    }
    #expect(outcome == .inUse)
    #expect(try await store.state(of: name).record != nil)
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func anOpenerThatWaitsGetsTheWholeFile() async throws {
    let (store, name) = try await filled()
    let path = store.path(of: name)
    let opened = Locked<Int64?>(nil)
    let began = Locked(false)
    let outcome = try await evict(store, name) { step in
      guard step == .leased else { return }
      Thread.detach(name: "opener") {
        began.with { $0 = true }
        let number = open(path, O_RDONLY)
        var status = stat()
        let size = number >= 0 && fstat(number, &status) == 0 && status.st_nlink == 1 ? Int64(status.st_size) : -1
        close(number)
        opened.with { $0 = size }
      }
      // Until its open(2) has begun to break the lease.
      while !began.with({ $0 }) { usleep(1000) }
      usleep(200_000)
    }
    #expect(outcome == .inUse)
    while opened.with({ $0 }) == nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(opened.with { $0 } == 1 << 20)
    #expect(scratch.names("bases") == [name.text])
    await store.close()
  }

  @Test func aLeaseOrPinThatComesBetweenTheStepsIsHeeded() async throws {
    let (store, name) = try await filled()
    let lease = TemporaryName(.lease, of: name).text
    let directory = try Directory.open(scratch.storePath + "/leases")
    let held = Locked<File?>(nil)
    let leased = try await evict(store, name) { step in
      guard step == .renamed else { return }
      let file = try directory.createFile(lease)
      _ = try FileLock.lock(file)
      held.with { $0 = file }
    }
    #expect(leased == .leased)
    try held.with { $0 }?.close()
    let scratch = self.scratch
    let pinned = try await evict(store, name) { step in if step == .leased { try scratch.write("{}", to: "meta/\(name).pin") } }
    #expect(pinned == .pinned)
    #expect(try await store.state(of: name).record != nil)
    try directory.close()
    await store.close()
  }

  @Test func whoeverLeasesWhileItIsAsideIsTold() async throws {
    let (store, name) = try await filled()
    let lock = try await store.lock(name, context: scratch.context)
    let root = try Directory.open(scratch.storePath)
    let bases = try root.directory("bases")
    let temporary = try root.directory("tmp")
    let aside = TemporaryName(.evict, of: name).text
    try bases.rename(name.text, to: aside, in: temporary)
    let error = await #expect(throws: SlipwayError.self) { _ = try await store.lease(name, note: "", context: scratch.context) }
    #expect(error?.code == .baseNotFound)
    lock.release()
    for directory in [temporary, bases, root] { try directory.close() }
    await store.close()
  }

  @Test func aFailureBetweenTheStepsPutsItBack() async throws {
    let (store, name) = try await filled()
    for moment in [Store.EvictionStep.leased, .renamed] {
      await #expect(throws: SystemError.self) {
        _ = try await evict(store, name) { step in if step == moment { throw SystemError(EIO) } }
      }
      #expect(try await store.state(of: name).record != nil)
      #expect(scratch.names("tmp") == [])
    }
    await store.close()
  }

  @Test func aLockThatWasTakenAwayEvictsNothing() async throws {
    let (store, name) = try await filled()
    let path = "\(scratch.storePath)/locks/\(name).lock"
    let error = await #expect(throws: SlipwayError.self) {
      _ = try await evict(store, name) { step in if step == .leased { unlink(path) } }
    }
    #expect(error?.code == .busy)
    #expect(try await store.state(of: name).record != nil)
    await store.close()
  }

  @Test func whatADeadProcessPutAsideIsPutBackAndALivingOnesIsNot() async throws {
    let (store, name) = try await filled()
    await store.close()
    let dead = TemporaryName(.evict, of: name, owner: ended).text
    #expect(rename(store.path(of: name), "\(scratch.storePath)/tmp/\(dead)") == 0)
    let again = try await scratch.open()
    #expect(try await again.state(of: name).record != nil)
    #expect(scratch.names("tmp") == [])
    let living = TemporaryName(.evict, of: name).text
    #expect(rename(store.path(of: name), "\(scratch.storePath)/tmp/\(living)") == 0)
    #expect(try await again.sweep() == 0)
    #expect(scratch.names("tmp") == [living])
    // Its evidence waits for it.
    #expect(scratch.names("meta").contains("\(name).json"))
    await again.close()
  }

  @Test(arguments: [true, false]) func whatWasPutAsideGivesWayToABaseThatCameSince(same: Bool) async throws {
    let (store, name) = try await filled()
    let dead = TemporaryName(.evict, of: name, owner: ended).text
    #expect(rename(store.path(of: name), "\(scratch.storePath)/tmp/\(dead)") == 0)
    let bytes = [UInt8](repeating: same ? 1 : 2, count: 1 << 20)
    try await store.put(bytes, as: identity(), context: scratch.context)
    try await store.sweep()
    #expect(try Data(contentsOf: URL(fileURLWithPath: store.path(of: name))) == Data(bytes))
    #expect(scratch.names("tmp") == [])
    let kept = try await store.quarantined()
    #expect(kept.map(\.name) == (same ? [] : [name]))
    await store.close()
  }

  @Test(arguments: [Int64(0x6969), 0x00C3_6400, 0x6573_5546]) func nothingGoesFromASharedFileSystemUnlessOwned(type: Int64) async throws {
    let (store, name) = try await filled(type: type)
    #expect(store.sharedFileSystem != nil)
    #expect(try await store.purge(name, context: scratch.context) == .sharedFileSystem)
    #expect(try await store.purge(name, ownsSharedFileSystem: true, context: scratch.context).isGone)
    await store.close()
  }

  @Test func anotherHostsLeaseOnASharedFileSystemIsBelieved() async throws {
    let (store, name) = try await filled(type: 0x6969)
    let other = ProcessOwner(host: "another", boot: "another", pid: 1, started: 1)
    try scratch.write("{}", to: "leases/\(TemporaryName(.lease, of: name, owner: other).text)")
    #expect(try await store.purge(name, ownsSharedFileSystem: true, context: scratch.context) == .leased)
    await store.close()
  }

  @Test func whatIsNotOursStays() async throws {
    let (store, name) = try await filled()
    try scratch.write("{\"version\": 99}", to: "meta/\(name).json")
    #expect(try await store.purge(name, context: scratch.context) == .foreign)
    let directory = try identity(9).name
    #expect(mkdir(store.path(of: directory), 0o755) == 0)
    #expect(try await store.purge(directory, context: scratch.context) == .foreign)
    #expect(scratch.names("bases").count == 2)
    await store.close()
  }

  @Test func aDamagedBaseGoesIntoQuarantineAndCanBeFetchedAgain() async throws {
    let (store, name) = try await filled()
    let lock = try await store.lock(name, context: scratch.context)
    try await store.markDamaged(lock, reason: "block 0 differs")
    let outcome = try await store.quarantine(lock, reason: "block 0 differs")
    lock.release()
    #expect(outcome.isGone)
    let kept = try #require(try await store.quarantined().first)
    #expect(outcome == .quarantined(kept.path))
    #expect(kept.name == name && kept.reason == "block 0 differs" && kept.allocated.bytes >= 1 << 20)
    #expect(scratch.names("meta") == [] && scratch.names("bases") == [])
    try await store.put(as: identity(), context: scratch.context)
    #expect(try await store.discardQuarantined(kept.fileName)?.bytes == kept.allocated.bytes)
    #expect(scratch.names("quarantine") == [])
    #expect(try await store.discardQuarantined(kept.fileName) == nil)
    await #expect(throws: SlipwayError.self) { _ = try await store.discardQuarantined("../FORMAT") }
    await store.close()
  }

  @Test(.enabled(if: geteuid() == 0)) func theImmutableFlagIsTakenOffAndComesBackWhenTheBaseStays() async throws {
    let (store, name) = try await filled()
    let file = try await store.openBase(name)
    // A file system without the flag (tmpfs of older kernels) has nothing to test.
    guard try file.setImmutable(true) else { return }
    defer { _ = try? file.setImmutable(false) }
    #expect(try await store.purge(name, context: scratch.context) == .inUse)
    #expect(try file.isImmutable())
    try file.close()
    #expect(try await store.purge(name, context: scratch.context).isGone)
    await store.close()
  }
}
