import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct LookupTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func code(_ store: Store, _ identity: BaseIdentity) async -> ErrorCode? {
    do {
      _ = try await store.lookup(identity)
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }

  @Test func anAbsentBaseIsNil() async throws {
    let store = try await scratch.open()
    #expect(try await store.lookup(identity()) == nil)
    #expect(try await store.state(of: identity().name) == .absent)
    await #expect(throws: SlipwayError.self) { _ = try await store.openBase(identity().name) }
    await store.close()
  }

  @Test func aBaseOfAnotherSizeIsDamaged() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    #expect(cutFile(store.path(of: identity.name), 3) == 0)
    #expect(await code(store, identity) == .baseDamaged)
    guard case .damaged(let reason) = try await store.state(of: identity.name) else {
      Issue.record("not damaged")
      return
    }
    #expect(reason.contains("3 bytes"))
    await store.close()
  }

  @Test func evidenceThatIsUnreadableOrAboutAnotherBaseIsNoEvidence() async throws {
    let store = try await scratch.open()
    let one = try identity(1)
    let two = try identity(2)
    for identity in [one, two] { try await store.put(as: identity, context: scratch.context) }
    let other = try #require(scratch.text(of: "meta/\(two.name).json"))
    for text in ["", "{}", "{\"version\":1}", other] {
      try scratch.write(text, to: "meta/\(one.name).json")
      #expect(await code(store, one) == .baseDamaged)
    }
    #expect(unlink("\(scratch.storePath)/meta/\(one.name).json") == 0)
    #expect(await code(store, one) == .baseDamaged)
    #expect(await code(store, two) == nil)
    await store.close()
  }

  @Test func newerEvidenceIsNeitherUsedNorReplaced() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    let newer = "{\"version\":2,\"unheard\":\"of\"}"
    try scratch.write(newer, to: "meta/\(identity.name).json")
    #expect(await code(store, identity) == .storeRefused)
    let error = await #expect(throws: SlipwayError.self) { try await store.put(as: identity, context: scratch.context) }
    #expect(error?.code == .storeRefused)
    #expect(scratch.text(of: "meta/\(identity.name).json") == newer)
    await store.close()
  }

  @Test func anImageIsAddedToAReadyBaseOnce() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    let image = try #require(imageB)
    for _ in 0..<2 {
      let record = try await store.withBaseLock(identity, context: scratch.context) { try await store.noteImage(image, lock: $0) }
      #expect(record.images.count == 2)
    }
    #expect(try await store.find(imageID: image).count == 1)
    await store.close()
  }

  @Test func listTellsSizeStateAndUse() async throws {
    let store = try await scratch.open()
    let good = try identity(1)
    let bad = try identity(2)
    for identity in [good, bad] { try await store.put(as: identity, context: scratch.context) }
    #expect(cutFile(store.path(of: bad.name), 9) == 0)
    await store.recordUse(good.name)
    let entries = try await store.list()
    let first = try #require(entries.first { $0.name == good.name.text })
    #expect(first.size == ByteCount(4))
    #expect(first.usage?.hits == 1)
    #expect(first.path == store.path(of: good.name))
    let second = try #require(entries.first { $0.name == bad.name.text })
    #expect(second.size == ByteCount(9))
    #expect(second.state.record == nil)
    await store.close()
  }

  @Test func aWaiterIsToldAndItsDeadlineHolds() async throws {
    let store = try await scratch.open()
    let other = try await scratch.open()
    let identity = try identity()
    let held = try await store.lock(identity.name, context: scratch.context)
    var hurried = scratch.context
    hurried.deadline = .after(.milliseconds(20))
    let late = hurried
    let told = Locked<Int>(0)
    let error = await #expect(throws: SlipwayError.self) {
      _ = try await other.lock(identity.name, context: late, onWait: { _ in told.with { $0 += 1 } })
    }
    #expect(error?.code == .timeout)
    #expect(told.with { $0 } > 0)
    held.release()
    try await other.lock(identity.name, context: scratch.context).release()
    await store.close()
    await other.close()
  }
}
