import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1)), .serialized) struct FaultTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Fills what is left of a small file system.
  private func fill(_ directory: String) throws {
    let number = open("\(directory)/filler", O_CREAT | O_WRONLY, 0o600)
    defer { close(number) }
    let block = [UInt8](repeating: 1, count: 4096)
    while write(number, block, block.count) > 0 {}
    #expect(errno == ENOSPC)
  }

  @Test(.enabled(if: geteuid() == 0)) func aFullStoreSaysSoKeepsItsBasesAndCanBeEmptied() async throws {
    try FileManager.default.createDirectory(atPath: scratch.storePath, withIntermediateDirectories: true)
    let mounted = try TemporaryFileSystem(at: scratch.storePath, kilobytes: 4096)
    defer { mounted.unmount() }
    let first = try await scratch.open()
    try await first.put([UInt8](repeating: 1, count: 1 << 20), as: identity(1), context: scratch.context)
    await first.close()
    try fill("\(scratch.storePath)/quarantine")
    let store = try await scratch.open()
    let error = await #expect(throws: SlipwayError.self) {
      try await store.put([UInt8](repeating: 2, count: 1 << 20), as: identity(2), context: scratch.context)
    }
    #expect(error?.code == .noSpace)
    let unreserved = await #expect(throws: SlipwayError.self) {
      try await store.withBaseLock(identity(3), context: scratch.context) { lock in
        let staged = try await store.stage(identity(3), reserve: ByteCount(0), lock: lock, context: scratch.context)
        try staged.file.write([UInt8](repeating: 3, count: 1 << 20), at: 0)
        _ = try await store.publish(staged, record: record(identity(3)))
      }
    }
    #expect(unreserved?.code == .noSpace)
    #expect(try await store.lookup(identity(1)) != nil)
    #expect(scratch.names("bases").count == 1 && scratch.names("tmp") == [])
    let gone = try await store.purge(identity(1).name, context: scratch.context)
    #expect(gone.isGone)
    #expect(scratch.names("bases") == [] && scratch.names("meta") == [])
    try await store.put(as: identity(2), context: scratch.context)
    await store.close()
  }

  @Test func aSymbolicLinkInABasesPlaceIsNotFollowed() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    let path = store.path(of: identity.name)
    #expect(rename(path, scratch.path + "/moved") == 0)
    #expect(symlink(scratch.path + "/moved", path) == 0)
    #expect(try await store.state(of: identity.name) == .unknown)
    await #expect(throws: SlipwayError.self) { _ = try await store.openBase(identity.name) }
    await #expect(throws: SlipwayError.self) { _ = try await store.lease(identity.name, note: "", context: scratch.context) }
    let looked = await #expect(throws: SlipwayError.self) { _ = try await store.lookup(identity) }
    #expect(looked?.code == .baseDamaged)
    #expect(try await store.purge(identity.name, context: scratch.context) == .foreign)
    let error = await #expect(throws: SlipwayError.self) { try await store.put(as: identity, context: scratch.context) }
    #expect(error?.code == .baseDamaged)
    #expect(FileManager.default.fileExists(atPath: scratch.path + "/moved"))
    await store.close()
  }

  @Test(arguments: ["lock", "work", "urgent"]) func aSymbolicLinkForALockFileWritesNowhere(ending: String) async throws {
    let store = try await scratch.open()
    let identity = try identity()
    let target = scratch.path + "/precious"
    try "precious".write(toFile: target, atomically: false, encoding: .utf8)
    #expect(symlink(target, "\(scratch.storePath)/locks/\(identity.name).\(ending)") == 0)
    if ending == "lock" {
      let error = await #expect(throws: SlipwayError.self) { try await store.put(as: identity, context: scratch.context) }
      #expect(error?.message.contains("symbolic link") == true)
    } else {
      let lock = try await store.lock(identity.name, context: scratch.context)
      lock.report(Model.Progress(phase: .transferring))
      var hurried = scratch.context
      hurried.deadline = .after(.milliseconds(30))
      let late = hurried
      await #expect(throws: SlipwayError.self) { _ = try await store.lock(identity.name, context: late) }
      for _ in 0..<8 { try await scratch.pool.run {} }
      lock.release()
    }
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
    await store.close()
  }

  @Test func aClockThatWasMovedBackNeverMakesABaseOldNorAPinLonger() async throws {
    let time = Locked<Int64>(10_000)
    let store = try await Store.open(
      path: scratch.storePath, create: true, pool: scratch.pool, unnamed: true, clock: { time.with { $0 } })
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    await store.recordUse(identity.name)
    time.with { $0 = 5000 }
    await store.recordUse(identity.name)
    let base = try #require(try await store.summary(of: identity.name))
    #expect(base.usage == BaseUsage(hits: 2, lastUse: 10_000))
    #expect(base.idle(at: 5000) == 0 && base.age(at: 5000) == 0)
    #expect(base.idle(at: 10_600) == 600)
    await store.close()
  }

  @Test func whatIsWrongIsSaidInOneSentenceThatNamesIt() async throws {
    let missing = await scratch.refusal(create: false)
    #expect(missing?.message.contains(scratch.storePath) == true && missing?.hint != nil)
    #expect(await scratch.refusal() == nil)
    try scratch.write("{\"kind\":\"slipway-store\",\"layout\":\"nova\",\"version\":1}", to: "FORMAT")
    let layout = await scratch.refusal()
    #expect(layout?.message == "the store \(scratch.storePath) has the layout 'nova', and 'native' is configured")
    try scratch.write("{\"kind\":\"slipway-store\",\"layout\":\"native\",\"version\":2}", to: "FORMAT")
    let newer = await scratch.refusal()
    #expect(newer?.message == "the store \(scratch.storePath) has format version 2, and this Slipway knows versions up to 1")
    #expect(newer?.code.exitCode == 4)
  }
}
