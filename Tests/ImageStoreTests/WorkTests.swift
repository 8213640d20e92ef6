import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct WorkTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Until `condition` holds; the suite's time limit ends a hang.
  private func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
  }

  @Test func aWaiterInAnotherProcessSeesHowFarTheWorkIs() async throws {
    let store = try await scratch.open()
    let other = try await scratch.open()
    let name = try identity().name
    let lock = try await store.lock(name, context: scratch.context)
    lock.report(Model.Progress(phase: .transferring, position: 100, total: 1000))
    try await until { try await other.work(on: name)?.position == 100 }
    let seen = Locked<WorkStatus?>(nil)
    let context = scratch.context
    let waiter = Task {
      try await other.lock(name, context: context) { wait in seen.with { $0 = wait.work ?? $0 } }.release()
    }
    try await until { seen.with { $0 } != nil }
    let work = try #require(seen.with { $0 })
    #expect(work.phase == .transferring && work.total == 1000 && work.owner == .current && work.request == context.id)
    lock.release()
    try await waiter.value
    #expect(try await other.work(on: name) == nil)
    #expect(!scratch.names("locks").contains("\(name).work"))
    await store.close()
    await other.close()
  }

  @Test func theFileIsWrittenAFewTimesPerSecondAndNotAfterTheEnd() async throws {
    let store = try await scratch.open()
    let name = try identity().name
    let lock = try await store.lock(name, context: scratch.context)
    for position in 0..<10_000 { lock.report(Model.Progress(phase: .transferring, position: Int64(position), total: 10_000)) }
    try await until { try await store.work(on: name) != nil }
    // However many were told, at most the first and one more were written by now.
    #expect(try #require(try await store.work(on: name)).position < 10_000)
    lock.report(Model.Progress(phase: .publishing, position: 1, total: 1))
    lock.release()
    // What was on its way comes to nothing.
    try await until { scratch.names("tmp") == [] }
    #expect(!scratch.names("locks").contains("\(name).work"))
    await store.close()
  }

  @Test func whatAKilledProcessToldIsNotShownAndSweptAway() async throws {
    let store = try await scratch.open()
    let name = try identity().name
    let status = WorkStatus(
      version: 1, owner: ended, request: "req-1", phase: .transferring, position: 1, total: 2, rate: 3, updated: 4)
    try scratch.write(String(decoding: try StoreJSON.encode(status), as: UTF8.self), to: "locks/\(name).work")
    #expect(try await store.work(on: name) == nil)
    #expect(try await store.sweep() == 1)
    #expect(!scratch.names("locks").contains("\(name).work"))
    await store.close()
  }

  @Test func onlyASpawnThatWaitsMakesTheWorkUrgent() async throws {
    let store = try await scratch.open()
    let other = try await scratch.open()
    let name = try identity().name
    let lock = try await store.lock(name, context: scratch.context)
    let rate = RateLimit(bytesPerSecond: 1)
    lock.whenUrgent { rate.lift() }
    let waited = Locked(0)
    var prewarm = scratch.context
    prewarm.priority = .prewarm
    let patient = prewarm
    let first = Task { try await other.lock(name, context: patient) { _ in waited.with { $0 += 1 } } }
    try await until { waited.with { $0 } > 2 }
    #expect(try await !lock.isUrgent())
    let spawn = scratch.context
    let second = Task { try await other.lock(name, context: spawn) }
    // Ends only because the limit is lifted.
    try await rate.take(1 << 30)
    #expect(try await lock.isUrgent())
    // A spawn that gives up is no reason to hurry any more.
    second.cancel()
    await #expect(throws: CancellationError.self) { _ = try await second.value }
    #expect(try await !lock.isUrgent())
    lock.release()
    try await first.value.release()
    await store.close()
    await other.close()
  }

  @Test func aWaiterTakesOverWhenTheLockFileIsRemovedAndTheOldHolderPublishesNothing() async throws {
    let store = try await scratch.open()
    let other = try await scratch.open()
    let identity = try identity()
    let lock = try await store.lock(identity.name, context: scratch.context)
    #expect(unlink("\(scratch.storePath)/locks/\(identity.name).lock") == 0)
    try await other.put(as: identity, context: scratch.context)
    let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: scratch.context)
    let error = await #expect(throws: SlipwayError.self) { _ = try await store.publish(staged, record: record(identity)) }
    #expect(error?.code == .busy)
    #expect(try await store.lookup(identity) != nil)
    lock.release()
    await store.close()
    await other.close()
  }
}
