import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

/// On a tmpfs of 4 MiB, so that nobody else's files count.
@Suite(.timeLimit(.minutes(1)), .enabled(if: geteuid() == 0)) final class StageTests: Sendable {
  // Immutable, so that closures may hold it.
  let scratch: Scratch
  let mounted: TemporaryFileSystem

  init() throws {
    scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: scratch.storePath, withIntermediateDirectories: true)
    mounted = try TemporaryFileSystem(at: scratch.storePath, kilobytes: 4096)
  }

  deinit { mounted.unmount() }

  private func stage(_ store: Store, _ byte: UInt8, _ mebibytes: Int64) async throws -> StagedBase {
    let identity = try identity(byte)
    let lock = try await store.lock(identity.name, context: scratch.context)
    return try await store.stage(identity, reserve: .mib(mebibytes), lock: lock, context: scratch.context)
  }

  private func refusal(_ body: () async throws -> Void) async -> SlipwayError? {
    do {
      try await body()
      return nil
    } catch { return SlipwayError.wrap(error) }
  }

  @Test func moreThanIsFreeIsNoSpaceBeforeAnythingIsWritten() async throws {
    let store = try await scratch.open()
    let error = await refusal { _ = try await stage(store, 1, 64) }
    #expect(error?.code == .noSpace)
    #expect(error?.message.contains(scratch.storePath) == true)
    #expect(error?.message.contains("64 MiB") == true)
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func twoTransfersCannotBothBelieveInTheSameBytes() async throws {
    let one = try await scratch.open()
    let other = try await scratch.open()
    let first = try await stage(one, 1, 2)
    #expect(await refusal { _ = try await stage(other, 2, 2) }?.code == .noSpace)
    let small = try await stage(other, 3, 1)
    await small.abandon()
    await first.abandon()
    let second = try await stage(other, 4, 2)
    await second.abandon()
    await one.close()
    await other.close()
  }

  @Test func whatIsWrittenIsPromisedNoMore() async throws {
    let one = try await scratch.open()
    let other = try await scratch.open()
    let first = try await stage(one, 1, 2)
    try first.file.write([UInt8](repeating: 7, count: 2 << 20), at: 0)
    // Another process does not see what the unnamed file occupies until it is told: counted twice, on the safe side.
    #expect(await refusal { _ = try await stage(other, 2, 1) }?.code == .noSpace)
    try first.updateReservation()
    let second = try await stage(other, 3, 1)
    await second.abandon()
    await first.abandon()
    await one.close()
    await other.close()
  }

  @Test func aDeadProcesssPromiseDoesNotCount() async throws {
    let store = try await scratch.open()
    let marker = scratch.storePath + "/tmp/" + TemporaryName(.reserve, owner: ended).text
    #expect(FileManager.default.createFile(atPath: marker, contents: nil))
    #expect(truncate(marker, 1 << 40) == 0)
    #expect(try await store.available().map { $0 > .mib(2) } == true)
    let staged = try await stage(store, 1, 2)
    await staged.abandon()
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func aStoreThatFillsUpIsNoSpaceAndIsLeftClean() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let error = await refusal {
      try await store.withBaseLock(identity, context: scratch.context) { lock in
        let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: scratch.context)
        try staged.file.write([UInt8](repeating: 7, count: 8 << 20), at: 0)
        _ = try await store.publish(staged, record: record(identity))
      }
    }
    #expect(error?.code == .noSpace)
    #expect(scratch.names("bases") == [])
    #expect(scratch.names("meta") == [])
    #expect(scratch.names("tmp") == [])
    #expect(try await store.put(as: identity, context: scratch.context).isNew)
    await store.close()
  }

  @Test func aFullStoreStillPublishesNothingHalf() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let error = await refusal {
      try await store.withBaseLock(identity, context: scratch.context) { lock in
        let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: scratch.context)
        // To the brim, so that there is no room for the evidence.
        var offset: Int64 = 0
        while (try? staged.file.write([UInt8](repeating: 7, count: 4096), at: offset)) != nil { offset += 4096 }
        _ = try await store.publish(staged, record: record(identity))
      }
    }
    #expect(error?.code == .noSpace)
    #expect(scratch.names("bases") == [])
    #expect(scratch.names("meta") == [])
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func aFullStoreStillOpensAndTellsWhatItHolds() async throws {
    let identity = try identity()
    let store = try await scratch.open()
    try await store.put(as: identity, context: scratch.context)
    await store.close()
    // To the brim, by a file that is not ours; the catalog's companions went with the last connection.
    let directory = try Directory.open(scratch.storePath)
    let filler = try directory.createFile("filler")
    var offset: Int64 = 0
    while (try? filler.write([UInt8](repeating: 7, count: 4096), at: offset)) != nil { offset += 4096 }
    try filler.close()
    try directory.close()
    let full = try await scratch.open()
    #expect(try await full.lookup(identity) != nil)
    #expect(try await full.list().count == 1)
    #expect(try await full.find(imageID: #require(imageA)).count == 1)
    await full.recordUse(identity.name)
    #expect(try await full.available() == ByteCount(0))
    await full.close()
  }
}
