import Files
import Foundation
import ImageStore
import Logging
import Model
import Runtime

/// `StoreWorker STORE hold`: takes the lock of base 1, tells progress, and keeps it until it is killed.
///
/// `StoreWorker STORE SEED`: publishes, claims, verifies and evicts bases in the store until it is killed. A base is as many bytes of its number as
/// its number says, so that a test can tell whether it is whole. Writes a line when it begins, and one for what goes wrong.
@main struct StoreWorker {
  static func main() async throws {
    guard CommandLine.arguments.count == 3 else { exit(2) }
    endWithParent()
    let pool = WorkerPool(name: "store", threads: 4)
    let context = RequestContext(logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() })
    let store = try await Store.open(path: CommandLine.arguments[1], create: true, pool: pool)
    guard let seed = UInt64(CommandLine.arguments[2]) else {
      let lock = try await store.lock(identity(1).name, context: context)
      lock.report(Model.Progress(phase: .transferring, position: 1, total: 2))
      say("ready")
      while true { try await Task.sleep(for: .seconds(1)) }
    }
    var random = Random(state: seed)
    say("ready")
    while true {
      let number = UInt8(random.next() % 6 + 1)
      do {
        switch random.next() % 4 {
        case 0, 1: try await publish(number, store, context)
        case 2: _ = try await store.purge(identity(number).name, context: context)
        default: try await scrub(number, store, context)
        }
      } catch let error as SlipwayError where error.code == .baseNotFound {
        continue
      } catch { say("\(error)") }
    }
  }

  /// A test run that is killed cannot end its workers: they end themselves, or they would work on for ever.
  private static func endWithParent() {
    let parent = getppid()
    Task.detached {
      while getppid() == parent { try? await Task.sleep(for: .seconds(1)) }
      exit(1)
    }
  }

  private static func publish(_ number: UInt8, _ store: Store, _ context: RequestContext) async throws {
    let identity = try identity(number)
    try await store.withBaseLock(identity, context: context) { lock in
      if try await store.lookup(identity) != nil { return }
      let size = Int(number) * 100_000
      let staged = try await store.stage(identity, reserve: ByteCount(Int64(size)), lock: lock, context: context)
      lock.report(Model.Progress(phase: .transferring, position: 0, total: Int64(size)))
      try staged.file.write([UInt8](repeating: number, count: size), at: 0)
      let evidence = Evidence(
        verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(Int64(size)), inspectedFormat: "raw",
        verifiedAt: "2025-01-02T03:04:05Z")
      let record = BaseRecord(
        identity: identity, images: [], virtualSize: ByteCount(Int64(size)), source: "file:///\(number)", route: .file, evidence: evidence,
        tally: ByteTally())
      _ = try await store.publish(staged, record: record)
    }
    await store.recordUse(identity.name)
  }

  private static func scrub(_ number: UInt8, _ store: Store, _ context: RequestContext) async throws {
    let name = try identity(number).name
    let lease = try await store.lease(name, note: "scrub", context: context)
    let report = try await store.verify(name, context: context)
    lease.release()
    if report.verdict != .sound { say("\(report)") }
    if number == 1 {
      let lock = try await store.lock(name, context: context)
      defer { lock.release() }
      _ = try await store.quarantine(lock, reason: "a test")
      for kept in try await store.quarantined() { _ = try await store.discardQuarantined(kept.fileName) }
    }
  }

  private static func identity(_ number: UInt8) throws -> BaseIdentity {
    guard let digest = Digest(.sha256, bytes: [UInt8](repeating: number, count: 32)) else { throw SlipwayError(.usage, "no digest") }
    return try BaseIdentity(digest: digest, sourceFormat: "raw", format: .raw, owner: nil)
  }

  private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}

/// xorshift64*: the same work for the same seed.
private struct Random {
  var state: UInt64

  mutating func next() -> UInt64 {
    if state == 0 { state = 0x9E37_79B9_7F4A_7C15 }
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return (state &* 0x2545_F491_4F6C_DD1D) >> 11
  }
}
