import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

/// A store in the layout of nova-compute's image cache: what Nova sees of it, and what is Nova's.
@Suite(.timeLimit(.minutes(1))) struct NovaLayoutTests {
  var nova: NovaScratch

  init() throws { nova = try NovaScratch() }

  @Test func namesAreTheHashesOfImageIDs() throws {
    let image = try #require(ImageID(NovaScratch.image.uppercased()))
    #expect(try BaseName(novaOf: image).text == NovaScratch.name)
  }

  @Test(arguments: [
    "f2d1a8250ed3d4b744a8250dab8f6840179d502", "f2d1a8250ed3d4b744a8250dab8f6840179d502a_5",
    "f2d1a8250ed3d4b744a8250dab8f6840179d502a.part",
    "f2d1a8250ed3d4b744a8250dab8f6840179d502a.converted", "F2D1A8250ED3D4B744A8250DAB8F6840179D502A", "swap_1024",
    "ephemeral_20_0706d66", "f2d1a8250ed3d4b744a8250dab8f6840179d502a.raw",
  ])
  func whatElseNovaKeepsThereIsNoBase(name: String) { #expect(BaseName(nova: name) == nil) }

  @Test func aBaseLiesWhereNovaLooksAsNovaWouldLeaveIt() async throws {
    let store = try await nova.open()
    let published = try await store.put(as: nova.identity(store), context: nova.scratch.context)
    #expect(published.isNew)
    #expect(published.path == nova.path)
    #expect(nova.names(nova.cache) == [NovaScratch.name])
    #expect(nova.status.st_mode & 0o7777 == 0o644)
    #expect(nova.names(nova.instances + "/locks") == ["nova-\(NovaScratch.name)"])
    var lock = stat()
    #expect(lstat(nova.lockPath, &lock) == 0 && lock.st_mode & 0o7777 == 0o644)
    var directory = stat()
    for path in [nova.cache, nova.instances + "/locks"] {
      #expect(lstat(path, &directory) == 0 && directory.st_mode & 0o7777 == 0o755)
    }
    #expect(nova.names(nova.store + "/meta") == ["\(NovaScratch.name).blocks", "\(NovaScratch.name).json"])
    #expect(!nova.names(nova.store).contains("bases"))
    #expect(try await store.lookup(nova.identity(store)) == published.record)
    await store.close()
  }

  @Test(.enabled(if: geteuid() == 0)) func everythingInNovasDirectoriesBelongsToNova() async throws {
    #expect(chown(nova.instances, 42436, 42437) == 0)
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    for path in [nova.cache, nova.path, nova.instances + "/locks", nova.lockPath] {
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_uid == 42436 && status.st_gid == 42437, "\(path)")
    }
    await store.close()
  }

  @Test(.enabled(if: geteuid() == 0)) func theConfiguredOwnerCountsMore() async throws {
    var nova = nova
    nova.uid = 1234
    nova.gid = 1235
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    for path in [nova.cache, nova.path, nova.lockPath] {
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_uid == 1234 && status.st_gid == 1235, "\(path)")
    }
    await store.close()
  }

  @Test func whatNovaLocksWeWaitFor() async throws {
    let store = try await nova.open()
    let identity = try nova.identity(store)
    try FileManager.default.createDirectory(atPath: nova.instances + "/locks", withIntermediateDirectories: true)
    let other = try NovaProcess(lock: nova.lockPath)
    #expect(other.isHolding)
    var brief = nova.scratch.context
    brief.deadline = .after(.milliseconds(300))
    let error = await #expect(throws: SlipwayError.self) { _ = try await store.lock(identity.name, context: brief) }
    #expect(error?.code == .timeout)
    other.end()
    let lock = try await store.lock(identity.name, context: nova.scratch.context)
    lock.release()
    await store.close()
  }

  @Test func whatWeLockNovaWaitsFor() async throws {
    let store = try await nova.open()
    let lock = try await store.lock(nova.identity(store).name, context: nova.scratch.context)
    let first = try NovaProcess(lock: nova.lockPath)
    #expect(!first.isHolding)
    first.end()
    lock.release()
    let second = try NovaProcess(lock: nova.lockPath)
    #expect(second.isHolding)
    second.end()
    await store.close()
  }

  @Test func aLockFileThatNovaRemovedIsMadeAnew() async throws {
    let store = try await nova.open()
    let name = try nova.identity(store).name
    try await store.lock(name, context: nova.scratch.context).release()
    #expect(unlink(nova.lockPath) == 0)
    let lock = try await store.lock(name, context: nova.scratch.context)
    try lock.verify()
    #expect(unlink(nova.lockPath) == 0)
    #expect(throws: SlipwayError.self) { try lock.verify() }
    lock.release()
    await store.close()
  }

  @Test func aHitTouchesTheBaseSoThatNovaKeepsIt() async throws {
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    try nova.setAge(80_000)
    await store.recordUse(try nova.identity(store).name)
    #expect(nova.age < 60)
    await store.close()
  }

  @Test func pinnedBasesAreKeptAliveAndOthersAge() async throws {
    let store = try await nova.open()
    try nova.makeTheirs(age: 80_000)
    let name = try nova.identity(store).name
    try await store.sweep()
    #expect(nova.age > 79_000)
    try await store.pin(name)
    #expect(nova.age < 60)
    try nova.setAge(80_000)
    try await store.sweep()
    #expect(nova.age < 60)
    #expect(nova.scratch.warnings.with { $0 } == [])
    await store.close()
  }

  @Test func lastUseIsNovasTouchWhereThatIsLater() async throws {
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    try nova.setAge(-5000)
    let summary = try #require(try await store.summary(of: nova.identity(store).name))
    #expect(summary.usage.lastUse > Int64(time(nil)) + 4000)
    #expect(!summary.isForeign)
    #expect(summary.format == .raw)
    await store.close()
  }
}
