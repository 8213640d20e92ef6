import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(3))) struct PublishTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: [true, false]) func nothingIsVisibleBeforePublishAndOnlyTheBaseAfter(unnamed: Bool) async throws {
    let store = try await scratch.open(unnamed: unnamed)
    let identity = try identity()
    let lock = try await store.lock(identity.name, context: scratch.context)
    let staged = try await store.stage(identity, reserve: ByteCount(4), lock: lock, context: scratch.context)
    try staged.file.write([1, 2, 3, 4], at: 0)
    #expect(scratch.names("bases") == [])
    #expect(scratch.names("meta") == [])
    #expect(try await store.lookup(identity) == nil)
    let published = try await store.publish(staged, record: record(identity))
    lock.release()
    #expect(published.isNew)
    #expect(published.path == "\(scratch.storePath)/bases/\(identity.name)")
    #expect(scratch.names("bases") == [identity.name.text])
    #expect(scratch.names("meta") == ["\(identity.name).blocks", "\(identity.name).json"])
    #expect(scratch.names("tmp") == [])
    #expect(try Data(contentsOf: URL(fileURLWithPath: published.path)) == Data([1, 2, 3, 4]))
    let found = try #require(try await store.lookup(identity))
    #expect(found == published.record)
    #expect(found.fileSize == ByteCount(4))
    #expect(found.created > 0)
    var status = stat()
    #expect(stat(published.path, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o444)
    #expect(status.st_nlink == 1)
    await store.close()
  }

  @Test func theSidecarHoldsNoSecret() async throws {
    let store = try await scratch.open()
    let published = try await store.put(as: identity(), context: scratch.context)
    let text = try #require(scratch.text(of: "meta/\(published.record.name).json"))
    #expect(text.contains("host/image"))
    #expect(!text.contains("secret"))
    await store.close()
  }

  @Test(arguments: [true, false]) func abandoningLeavesNothing(unnamed: Bool) async throws {
    let store = try await scratch.open(unnamed: unnamed)
    let identity = try identity()
    try await store.withBaseLock(identity, context: scratch.context) { lock in
      let staged = try await store.stage(identity, reserve: .mib(1), lock: lock, context: scratch.context)
      try staged.file.write([1], at: 0)
      #expect(!scratch.names("tmp").isEmpty)
      await staged.abandon()
      await staged.abandon()
    }
    for directory in ["bases", "meta", "tmp", "quarantine"] { #expect(scratch.names(directory) == []) }
    await store.close()
  }

  @Test(arguments: [true, false]) func whatIsForgottenIsRemovedToo(unnamed: Bool) async throws {
    let store = try await scratch.open(unnamed: unnamed)
    let identity = try identity()
    try await store.withBaseLock(identity, context: scratch.context) { lock in
      _ = try await store.stage(identity, reserve: .mib(1), lock: lock, context: scratch.context)
    }
    // The last to hold it may be the thread that staged it, a moment longer than we.
    let end = ContinuousClock.now + .seconds(30)
    while scratch.names("tmp") != [], ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(5)) }
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func aBaseThatIsThereIsKeptAndServesBothImages() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let first = try await store.put(as: identity, images: [imageA], context: scratch.context)
    let before = try await store.openBase(identity.name).status()
    let second = try await store.put([9, 9, 9, 9], as: identity, images: [imageB, imageA], context: scratch.context)
    #expect(first.isNew && !second.isNew)
    #expect(second.record.images == [imageA, imageB].compactMap { $0 })
    #expect(second.record.created == first.record.created)
    #expect(try await store.openBase(identity.name).status().isSameFile(as: before))
    #expect(try Data(contentsOf: URL(fileURLWithPath: second.path)) == Data([1, 2, 3, 4]))
    #expect(try await store.lookup(identity) == second.record)
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func aBaseWithoutEvidenceGetsItFromTheSameBytesAndNoOthers() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    #expect(unlink("\(scratch.storePath)/meta/\(identity.name).json") == 0)
    let error = await #expect(throws: SlipwayError.self) { try await store.put([4, 3, 2, 1], as: identity, context: scratch.context) }
    #expect(error?.code == .baseDamaged)
    #expect(scratch.names("meta") == ["\(identity.name).blocks"])
    #expect(scratch.names("tmp") == [])
    #expect(try Data(contentsOf: URL(fileURLWithPath: store.path(of: identity.name))) == Data([1, 2, 3, 4]))
    let adopted = try await store.put(as: identity, context: scratch.context)
    #expect(!adopted.isNew)
    #expect(try await store.lookup(identity) == adopted.record)
    await store.close()
  }

  @Test func aLockThatWasTakenAwayPublishesNothing() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let error = await #expect(throws: SlipwayError.self) {
      try await store.withBaseLock(identity, context: scratch.context) { lock in
        let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: scratch.context)
        #expect(unlink("\(scratch.storePath)/locks/\(identity.name).lock") == 0)
        _ = try await store.publish(staged, record: record(identity))
      }
    }
    #expect(error?.code == .busy)
    #expect(scratch.names("bases") == [])
    #expect(scratch.names("tmp") == [])
    await store.close()
  }

  @Test func anotherBasesLockOrRecordIsRefused() async throws {
    let store = try await scratch.open()
    let one = try identity(1)
    let two = try identity(2)
    try await store.withBaseLock(one, context: scratch.context) { lock in
      await #expect(throws: SlipwayError.self) {
        _ = try await store.stage(two, reserve: ByteCount(0), lock: lock, context: scratch.context)
      }
      let staged = try await store.stage(one, reserve: ByteCount(0), lock: lock, context: scratch.context)
      await #expect(throws: SlipwayError.self) { _ = try await store.publish(staged, record: record(two)) }
    }
    #expect(scratch.names("bases") == [])
    await store.close()
  }

  @Test func onlyOneOfManyFetchesTheSameBase() async throws {
    // Two stores, as two processes have them.
    let stores = [try await scratch.open(), try await scratch.open()]
    let identity = try identity()
    let scratch = self.scratch
    let fetches = try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<8 {
        group.addTask {
          let store = stores[index % 2]
          return try await store.withBaseLock(identity, context: scratch.context) { lock in
            if try await store.lookup(identity) != nil { return false }
            let staged = try await store.stage(identity, reserve: ByteCount(4), lock: lock, context: scratch.context)
            try staged.file.write([1, 2, 3, 4], at: 0)
            return try await store.publish(staged, record: record(identity)).isNew
          }
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(fetches == 1)
    for store in stores { await store.close() }
  }

  @Test func noDescriptorIsForgotten() async throws {
    let before = OpenFiles.forgottenCount
    let store = try await scratch.open()
    for byte in UInt8(0)..<64 { try await store.put(as: identity(byte), context: scratch.context) }
    await store.close()
    // Other suites run beside this one, so only a growth with every base would show here.
    #expect(OpenFiles.forgottenCount - before < 64)
  }
}
