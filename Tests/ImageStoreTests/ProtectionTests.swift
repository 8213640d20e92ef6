import Files
import Foundation
import Glibc
import Model
import Runtime
import Testing

@testable import ImageStore

/// Bases of the native layout are root's, for reading alone, and immutable.
@Suite(.timeLimit(.minutes(1)), .enabled(if: geteuid() == 0)) final class ProtectionTests: Sendable {
  let scratch: Scratch
  let files: FlaggedFileSystem

  init() throws {
    scratch = try Scratch()
    files = try FlaggedFileSystem(at: scratch.storePath)
  }

  deinit { files.release() }

  private func protected() async throws -> (Store, BaseName) {
    let store = try await scratch.open(immutability: .on)
    return (store, try await store.put([UInt8](repeating: 7, count: 8192), as: identity(), context: scratch.context).record.name)
  }

  private func isImmutable(_ store: Store, _ name: BaseName) throws -> Bool? { try store.bases.isImmutable(name.text) }

  @Test func aPublishedBaseCanNeitherBeChangedNorRemovedNorGivenAway() async throws {
    let (store, name) = try await protected()
    let path = store.path(of: name)
    #expect(try isImmutable(store, name) == true)
    #expect(open(path, O_WRONLY) == -1 && errno == EPERM)
    #expect(chown(path, 64055, 64055) == -1 && errno == EPERM)
    #expect(chmod(path, 0o666) == -1 && errno == EPERM)
    #expect(unlink(path) == -1 && errno == EPERM)
    await store.close()
  }

  @Test func itIsRootsInAnothersStoreAsWell() async throws {
    #expect(chown(scratch.storePath, 12345, 23456) == 0)
    let (store, name) = try await protected()
    let status = try #require(try store.bases.status(of: name.text))
    #expect(status.uid == 0 && status.gid == 0 && status.mode == 0o444)
    await store.close()
  }

  @Test func usingPinningVerifyingAndAddingImagesWorkOnIt() async throws {
    let (store, name) = try await protected()
    await store.recordUse(name)
    #expect(try await store.lookup(identity()) != nil)
    let again = try await store.put([UInt8](repeating: 7, count: 8192), as: identity(), images: [imageB], context: scratch.context)
    #expect(!again.isNew && again.record.images == [imageA, imageB].compactMap { $0 })
    #expect(try await store.verify(name, context: scratch.context).verdict == .sound)
    let lock = try await store.lock(name, context: scratch.context)
    try await store.markDamaged(lock, reason: "a test")
    #expect(try await store.clearDamage(lock))
    lock.release()
    #expect(try isImmutable(store, name) == true)
    #expect(scratch.warnings.with { $0 } == [])
    await store.close()
  }

  @Test func itIsEvictedAndLeavesNothing() async throws {
    let (store, name) = try await protected()
    #expect(try await store.purge(name, context: scratch.context).isGone)
    #expect(scratch.names("bases") == [] && scratch.names("tmp") == [] && scratch.names("meta") == [])
    await store.close()
  }

  @Test func oneThatIsOpenStaysAndStaysImmutable() async throws {
    let (store, name) = try await protected()
    let file = try await store.openBase(name)
    #expect(try await store.purge(name, context: scratch.context) == .inUse)
    #expect(try isImmutable(store, name) == true)
    try file.close()
    await store.close()
  }

  @Test func inQuarantineItCanBeRemoved() async throws {
    let (store, name) = try await protected()
    let lock = try await store.lock(name, context: scratch.context)
    guard case .quarantined = try await store.quarantine(lock, reason: "a test") else {
      Issue.record("it was not quarantined")
      return
    }
    lock.release()
    let kept = try #require(try await store.quarantined().first)
    #expect(try await store.discardQuarantined(kept.fileName) != nil)
    await store.close()
  }

  @Test func aSweepRepairsFlagModeAndOwner() async throws {
    let (store, name) = try await protected()
    let path = store.path(of: name)
    let file = try await store.openBase(name)
    try file.setImmutable(false)
    try file.close()
    #expect(chmod(path, 0o644) == 0 && chown(path, 64055, 64055) == 0)
    #expect(try await store.sweep() == 1)
    let status = try #require(try store.bases.status(of: name.text))
    #expect(status.uid == 0 && status.gid == 0 && status.mode == 0o444)
    #expect(try isImmutable(store, name) == true)
    #expect(try await store.sweep() == 0)
    await store.close()
  }

  @Test func aSweepLeavesABaseAloneThatSomebodyWorksOn() async throws {
    let (store, name) = try await protected()
    let lock = try await store.lock(name, context: scratch.context)
    let file = try await store.openBase(name)
    try file.setImmutable(false)
    #expect(try await store.sweep() == 0)
    #expect(try !file.isImmutable())
    try file.close()
    lock.release()
    await store.close()
  }

  @Test func whatACrashLeftUnprotectedTheNextStartProtects() async throws {
    var (store, name) = try await protected()
    let file = try await store.openBase(name)
    try file.setImmutable(false)
    try file.close()
    // What a process leaves behind that dies between link and flag.
    try scratch.write("", to: "tmp/\(TemporaryName(.reserve, owner: ended).text)")
    await store.close()
    store = try await scratch.open(immutability: .on)
    #expect(try isImmutable(store, name) == true)
    await store.close()
  }

  @Test func switchedOffNothingIsImmutable() async throws {
    let store = try await scratch.open(immutability: .off)
    let name = try await store.put(as: identity(), context: scratch.context).record.name
    #expect(try isImmutable(store, name) == false)
    await store.close()
  }

  @Test func novasFilesKeepNovasModes() async throws {
    let nova = try NovaScratch()
    let store = try await nova.open(immutability: .on)
    let published = try await store.put(as: nova.identity(store), context: nova.scratch.context)
    #expect(try await store.sweep() == 0)
    let status = try #require(try store.bases.status(of: published.record.name.text))
    #expect(status.mode == 0o644)
    #expect(try isImmutable(store, published.record.name) != true)
    await store.close()
  }

  @Test func whereSELinuxMustRelabelItIsOff() {
    #expect(Immutability.automatic(selinux: scratch.path) == .off)
    #expect(Immutability.automatic(selinux: scratch.path + "/not-there") == .on)
  }
}
