import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

/// Files in Nova's cache that nova-compute made: kept, never taken for verified, removed only where that is allowed; and who may look after a cache.
@Suite(.timeLimit(.minutes(1))) struct NovaForeignTests {
  var nova: NovaScratch

  init() throws { nova = try NovaScratch() }

  @Test func whatNovaMadeIsListedAsItsOwnAndVouchesForNothing() async throws {
    try nova.makeTheirs(age: 500)
    let store = try await nova.open()
    let summary = try #require(try await store.list(sortedBy: .name).first)
    #expect(summary.isForeign && summary.details == nil && summary.damage == nil && summary.format == nil)
    #expect(Int64(time(nil)) - summary.usage.lastUse > 400)
    #expect(try await store.list(sortedBy: .name, where: BaseFilter(image: NovaScratch.image)).count == 1)
    #expect(try await store.lookup(nova.identity(store)) == nil)
    guard case .foreign = try await store.state(of: summary.name) else {
      Issue.record("it passes for ours")
      return
    }
    await store.close()
  }

  @Test func theSameBytesGiveItEvidenceAndTheFileStays() async throws {
    try nova.makeTheirs()
    #expect(chmod(nova.path, 0o600) == 0)
    let inode = nova.status.st_ino
    let store = try await nova.open()
    let published = try await store.put(as: nova.identity(store), context: nova.scratch.context)
    #expect(!published.isNew)
    #expect(published.record.adopted == true)
    #expect(nova.status.st_ino == inode)
    #expect(nova.status.st_mode & 0o7777 == 0o600)
    #expect(try await store.lookup(nova.identity(store)) == published.record)
    #expect(try await store.summary(of: published.record.name)?.isForeign == true)
    #expect(try await store.verify(published.record.name, context: nova.scratch.context).verdict == .sound)
    await store.close()
  }

  @Test func otherBytesAreRefusedAndTheFileStays() async throws {
    try nova.makeTheirs([9, 9, 9, 9])
    let store = try await nova.open()
    let error = await #expect(throws: SlipwayError.self) {
      try await store.put(as: nova.identity(store), context: nova.scratch.context)
    }
    #expect(error?.code == .baseDamaged)
    #expect(try Data(contentsOf: URL(fileURLWithPath: nova.path)) == Data([9, 9, 9, 9]))
    #expect(nova.names(nova.store + "/meta") == [])
    #expect(nova.names(nova.store + "/tmp") == [])
    await store.close()
  }

  /// Nova's own precaching takes no lock.
  @Test(arguments: [[UInt8](1...4), [9]]) func whoWasFasterHasMadeTheBase(bytes: [UInt8]) async throws {
    let store = try await nova.open()
    let identity = try nova.identity(store)
    let nova = nova
    let outcome = try await store.withBaseLock(identity, context: nova.scratch.context) { lock -> Published? in
      let staged = try await store.stage(identity, reserve: ByteCount(4), lock: lock, context: nova.scratch.context)
      try staged.file.write([1, 2, 3, 4], at: 0)
      try nova.makeTheirs(bytes)
      return try? await store.publish(staged, record: record(identity))
    }
    #expect(outcome?.record.adopted == (bytes.count == 4 ? true : nil))
    #expect(try Data(contentsOf: URL(fileURLWithPath: nova.path)) == Data(bytes))
    await store.close()
  }

  @Test func evidenceIsAboutOneFileAndNotAboutItsSuccessor() async throws {
    let store = try await nova.open()
    let published = try await store.put(as: nova.identity(store), context: nova.scratch.context)
    #expect(unlink(nova.path) == 0)
    #expect(try await store.lookup(nova.identity(store)) == nil)
    try nova.makeTheirs([4, 3, 2, 1])
    #expect(try await store.lookup(nova.identity(store)) == nil)
    #expect(try await store.summary(of: published.record.name)?.isForeign == true)
    await store.close()
  }

  @Test func anotherFormatOrOtherBytesThanWantedAreNoHit() async throws {
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    let format = await #expect(throws: SlipwayError.self) { _ = try await store.lookup(nova.identity(store, format: .qcow2)) }
    #expect(format?.code == .baseDamaged)
    let bytes = await #expect(throws: SlipwayError.self) { _ = try await store.lookup(nova.identity(store, 0xCD)) }
    #expect(bytes?.code == .digestMismatch)
    await store.close()
  }

  @Test(arguments: [false, true]) func whatNovaMadeGoesOnlyWhereThatIsAllowed(allowed: Bool) async throws {
    var nova = nova
    nova.removesTheirs = allowed
    try nova.makeTheirs()
    let store = try await nova.open()
    let name = try nova.identity(store).name
    let outcome = try await store.purge(name, context: nova.scratch.context)
    #expect(outcome.word == (allowed ? "evicted" : "foreign"))
    #expect(FileManager.default.fileExists(atPath: nova.path) != allowed)
    await store.close()
  }

  @Test func whatWeMadeCanGoAndTheLockFileStays() async throws {
    let store = try await nova.open()
    let name = try await store.put(as: nova.identity(store), context: nova.scratch.context).record.name
    #expect(try await store.purge(name, context: nova.scratch.context).word == "evicted")
    #expect(nova.names(nova.cache) == [])
    #expect(nova.names(nova.instances + "/locks") == ["nova-\(NovaScratch.name)"])
    #expect(nova.names(nova.store + "/meta") == [])
    await store.close()
  }

  @Test func aSweepTakesTheEvidenceOfABaseThatNovaRemovedAndNothingOfNovas() async throws {
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    #expect(unlink(nova.path) == 0)
    let others = ["\(NovaScratch.name).part", "\(NovaScratch.name)_5368709120", "ephemeral_20_0706d66", "swap_1024"]
    for name in others { try Data([1]).write(to: URL(fileURLWithPath: "\(nova.cache)/\(name)")) }
    try await store.sweep()
    #expect(nova.names(nova.store + "/meta") == [])
    #expect(nova.names(nova.cache) == others.sorted())
    await store.close()
  }

  @Test func formatsAreNovas() async throws {
    var nova = nova
    #expect(try await nova.open().layout.format(of: "qcow2", wanted: .qcow2, isFirm: false, object: "i") == .raw)
    nova.forcesRaw = false
    let layout = try await nova.open().layout
    #expect(try layout.format(of: "qcow2", wanted: .raw, isFirm: false, object: "i") == .qcow2)
    #expect(try layout.format(of: "raw", wanted: .qcow2, isFirm: false, object: "i") == .raw)
    let error = #expect(throws: SlipwayError.self) { _ = try layout.format(of: "raw", wanted: .qcow2, isFirm: true, object: "i") }
    #expect(error?.code == .formatRefused)
    #expect(try Layout.native.format(of: "raw", wanted: .qcow2, isFirm: true, object: "i") == .qcow2)
  }

  @Test func withoutAnImageIDThereIsNoName() async throws {
    let store = try await nova.open()
    let error = #expect(throws: SlipwayError.self) {
      _ = try store.layout.place(ImageStoreTests.identity(), of: nil, object: "/x.raw")
    }
    #expect(error?.code == .usage)
    await store.close()
  }

  @Test func twoLayoutsOnOneDirectoryAreRefused() async throws {
    await (try nova.open()).close()
    let native = await nova.scratch.refusal()
    #expect(native?.code == .storeRefused)
    #expect(native?.message.contains("'nova'") == true)
    let other = try NovaScratch()
    await (try other.scratch.open()).close()
    #expect(await other.refusal()?.code == .storeRefused)
  }

  @Test func aNativeStoreInNovasCacheIsSeen() async throws {
    let cache = nova.cache
    await (try Store.open(path: cache, create: true, pool: nova.scratch.pool)).close()
    let error = await nova.refusal()
    #expect(error?.code == .storeRefused)
    #expect(error?.message.contains("native") == true)
  }

  @Test(arguments: ["", "/x"]) func aStoreInsideTheCacheIsRefusedBeforeAnythingIsMade(place: String) async throws {
    #expect(await nova.refusal(at: nova.cache + place)?.code == .storeRefused)
    #expect(nova.names(nova.cache) == [])
  }

  @Test func oneStoreLooksAfterACache() async throws {
    await (try nova.open()).close()
    #expect(await nova.refusal() == nil)
    let error = await nova.refusal(at: nova.scratch.path + "/second")
    #expect(error?.code == .storeRefused)
    #expect(error?.message.contains(nova.store) == true)
  }

  @Test func aStoreThatWasMovedKeepsItsCache() async throws {
    await (try nova.open()).close()
    let moved = nova.scratch.path + "/moved"
    #expect(rename(nova.store, moved) == 0)
    #expect(await nova.refusal(at: moved) == nil)
  }

  @Test func anotherCacheThanTheStoresIsRefusedSoThatNoEvidenceIsLost() async throws {
    let store = try await nova.open()
    try await store.put(as: nova.identity(store), context: nova.scratch.context)
    await store.close()
    let settings = try NovaSettings(instancesPath: nova.instances, cacheName: "other")
    let error = await #expect(throws: SlipwayError.self) {
      _ = try await Store.open(path: nova.store, layout: .nova(settings), create: true, pool: nova.scratch.pool)
    }
    #expect(error?.code == .storeRefused)
    #expect(nova.names(nova.store + "/meta").count == 2)
  }

  @Test(arguments: ["_base", "locks"]) func aSymbolicLinkInTheWayIsRefused(name: String) async throws {
    #expect(symlink("/tmp", "\(nova.instances)/\(name)") == 0)
    #expect(await nova.refusal()?.code == .storeRefused)
  }

  @Test func aMissingDirectoryOfInstancesIsRefused() async throws {
    #expect(rmdir(nova.instances) == 0)
    #expect(await nova.refusal()?.code == .storeRefused)
    #expect(!FileManager.default.fileExists(atPath: nova.instances))
  }
}
