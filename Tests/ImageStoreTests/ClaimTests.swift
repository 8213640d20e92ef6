import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct ClaimTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: [true, false]) func leasesStandBesideEachOtherAndAreSeenByOthersUntilReleased(unnamed: Bool) async throws {
    let store = try await scratch.open(unnamed: unnamed)
    let other = try await scratch.open(unnamed: unnamed)
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    let one = try await store.lease(name, note: "a disk", context: scratch.context)
    let two = try await other.lease(name, note: "a scrub", context: scratch.context)
    let seen = try await other.leases(of: name)
    #expect(Set(seen.map(\.note)) == ["a disk", "a scrub"])
    #expect(Set(seen.map(\.request)) == [scratch.context.id])
    one.release()
    one.release()
    #expect(try await other.allLeases()[name]?.map(\.note) == ["a scrub"])
    two.release()
    #expect(try await store.allLeases().isEmpty)
    #expect(scratch.names("leases") == [])
    await store.close()
    await other.close()
  }

  @Test func aForgottenLeaseEndsAndADeadProcessesOneHoldsNothing() async throws {
    let store = try await scratch.open()
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    _ = try await store.lease(name, note: "forgotten", context: scratch.context)
    // The last to hold it may be the thread that made it, a moment longer than we.
    let end = ContinuousClock.now + .seconds(30)
    while scratch.names("leases") != [], ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
    #expect(scratch.names("leases") == [])
    let dead = TemporaryName(.lease, of: name, owner: ended).text
    try scratch.write("{}", to: "leases/\(dead)")
    // Another host's name on our own disk: nobody locks it, so nobody holds it.
    let renamed = ProcessOwner(host: "old-name", boot: "old-boot", pid: 1, started: 1)
    try scratch.write("{}", to: "leases/\(TemporaryName(.lease, of: name, owner: renamed).text)")
    #expect(try await store.leases(of: name) == [])
    #expect(try await store.sweep() == 1)
    #expect(scratch.names("leases").count == 1)
    await store.close()
  }

  @Test func aBaseThatIsNotThereCanBeNeitherLeasedNorPinned() async throws {
    let store = try await scratch.open()
    let name = try identity().name
    let leased = await #expect(throws: SlipwayError.self) { _ = try await store.lease(name, note: "", context: scratch.context) }
    let pinned = await #expect(throws: SlipwayError.self) { try await store.pin(name) }
    #expect(leased?.code == .baseNotFound && pinned?.code == .baseNotFound)
    #expect(scratch.names("leases") == [] && scratch.names("meta") == [])
    await store.close()
  }

  @Test func aLeaseWhoseFileWasRemovedSaysSo() async throws {
    let store = try await scratch.open()
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    let lease = try await store.lease(name, note: "", context: scratch.context)
    try lease.verify()
    for file in scratch.names("leases") { unlink("\(scratch.storePath)/leases/\(file)") }
    let error = #expect(throws: SlipwayError.self) { try lease.verify() }
    #expect(error?.code == .busy)
    lease.release()
    await store.close()
  }

  @Test func aPinOutlivesACatalogAndEndsWithItsTime() async throws {
    let time = Locked<Int64>(1000)
    let clock: @Sendable () -> Int64 = { time.with { $0 } }
    var store = try await Store.open(path: scratch.storePath, create: true, pool: scratch.pool, unnamed: true, clock: clock)
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    try await store.pin(name, note: "golden", expires: 2000)
    await store.close()
    for ending in ["", "-wal", "-shm"] { unlink("\(scratch.storePath)/catalog.sqlite\(ending)") }
    store = try await Store.open(path: scratch.storePath, create: false, pool: scratch.pool, unnamed: true, clock: clock)
    #expect(try await store.pin(of: name)?.note == "golden")
    #expect(try await store.summary(of: name)?.pin?.expires == 2000)
    time.with { $0 = 2000 }
    #expect(try await store.pin(of: name) == nil)
    #expect(try await store.summary(of: name)?.pin == nil)
    let late = await #expect(throws: SlipwayError.self) { try await store.pin(name, expires: 2000) }
    #expect(late?.code == .usage)
    try await store.pin(name)
    #expect(try await store.unpin(name))
    #expect(try await !store.unpin(name))
    await store.close()
  }

  @Test(arguments: ["rubbish", "{\"version\":99,\"created\":0,\"expires\":1}"]) func aPinThatCannotBeReadHolds(content: String) async throws
  {
    let store = try await scratch.open()
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    try scratch.write(content, to: "meta/\(name).pin")
    let pin = try await store.pin(of: name)
    #expect(pin?.expires == nil && pin != nil)
    await store.close()
  }

  @Test func aMarkedBaseIsRefusedUntilTheMarkIsTakenAway() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    try await store.withBaseLock(identity, context: scratch.context) { lock in
      _ = try await store.markDamaged(lock, reason: "block 0 differs", blocks: [ByteRun(offset: 0, length: 4)])
    }
    let error = await #expect(throws: SlipwayError.self) { try await store.lookup(identity) }
    #expect(error?.code == .baseDamaged)
    #expect(error?.message.contains("block 0 differs") == true)
    #expect(try await store.find(imageID: #require(imageA)) == [])
    #expect(try await store.damage(of: identity.name)?.blocks == [ByteRun(offset: 0, length: 4)])
    #expect(try await store.summary(of: identity.name)?.damage == "block 0 differs")
    // The bytes lie where they lay.
    #expect(try Data(contentsOf: URL(fileURLWithPath: store.path(of: identity.name))) == Data([1, 2, 3, 4]))
    let cleared = try await store.withBaseLock(identity, context: scratch.context) { try await store.clearDamage($0) }
    #expect(cleared)
    #expect(try await store.lookup(identity) != nil)
    await store.close()
  }

  @Test func theSameBytesPublishedAgainMendADamagedBase() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    try scratch.write("rubbish", to: "meta/\(identity.name).damage")
    #expect(try await store.state(of: identity.name).record == nil)
    try await store.put(as: identity, context: scratch.context)
    #expect(try await store.lookup(identity) != nil)
    #expect(!scratch.names("meta").contains("\(identity.name).damage"))
    await store.close()
  }
}
