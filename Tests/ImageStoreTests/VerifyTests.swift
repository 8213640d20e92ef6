import Crypto
import Files
import Foundation
import Model
import Runtime
import Testing

@testable import ImageStore

@Suite(.timeLimit(.minutes(1))) struct VerifyTests {
  let scratch: Scratch
  static let block = Int(BlockHashes.blockSize)

  init() throws { scratch = try Scratch() }

  /// A store with a base of `size` bytes: the first block data, the rest a hole but for its last byte.
  private func filled(_ size: Int64 = 40 << 20, algorithm: DigestAlgorithm = .sha256) async throws -> (Store, BaseName) {
    let store = try await scratch.open()
    let identity = try identity()
    let context = scratch.context
    let name = try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      try staged.file.truncate(to: size)
      try staged.file.write([UInt8](repeating: 5, count: min(Self.block, Int(size))), at: 0)
      try staged.file.write([9], at: size - 1)
      return try await store.publish(staged, record: record(identity)).record.name
    }
    return (store, name)
  }

  /// Flips a byte of the base, as a bad disk would.
  private func flip(_ store: Store, _ name: BaseName, at offset: Int64, to value: UInt8 = 77) throws {
    let path = store.path(of: name)
    #expect(chmod(path, 0o644) == 0)
    let number = open(path, O_WRONLY)
    #expect(pwrite(number, [value], 1, off_t(offset)) == 1)
    #expect(fsync(number) == 0)
    close(number)
  }

  @Test(arguments: [1, 4095, 4096, 4 << 20, (4 << 20) + 1, 40 << 20, (40 << 20) + 12345]) func whatWasPublishedIsSound(size: Int64)
    async throws
  {
    let (store, name) = try await filled(size)
    let report = try await store.verify(name, context: scratch.context)
    #expect(report.verdict == .sound)
    #expect(report.blocks == (size + Int64(Self.block) - 1) / Int64(Self.block))
    #expect(report.damaged == [])
    // Holes are not read.
    #expect(report.read.bytes <= 2 * Int64(Self.block))
    #expect(try await store.leases(of: name) == [])
    await store.close()
  }

  @Test func anEmptyBaseIsSound() async throws {
    let store = try await scratch.open()
    let name = try await store.put([], as: identity(), context: scratch.context).record.name
    let report = try await store.verify(name, context: scratch.context)
    #expect(report.verdict == .sound && report.blocks == 0)
    await store.close()
  }

  @Test func everyDamageIsFoundInDataAndInHoles() async throws {
    let (store, name) = try await filled()
    for offset in [100, Int64(3 * Self.block) + 5, Int64(4 * Self.block)] { try flip(store, name, at: offset) }
    let report = try await store.verify(name, jobs: 3, context: scratch.context)
    #expect(report.verdict == .damaged)
    #expect(report.damagedBlocks == 3)
    let block = Int64(Self.block)
    #expect(report.damaged == [ByteRun(offset: 0, length: block), ByteRun(offset: 3 * block, length: 2 * block)])
    await store.close()
  }

  @Test func aBaseThatWasCutOrGrewIsDamaged() async throws {
    let (store, name) = try await filled()
    #expect(cutFile(store.path(of: name), 30 << 20) == 0)
    let report = try await store.verify(name, context: scratch.context)
    #expect(report.damaged == [ByteRun(offset: 30 << 20, length: 10 << 20)])
    await store.close()
  }

  @Test func aHoleThatWasFilledWithZerosIsSound() async throws {
    let (store, name) = try await filled()
    try flip(store, name, at: Int64(2 * Self.block), to: 0)
    let report = try await store.verify(name, context: scratch.context)
    #expect(report.verdict == .sound)
    await store.close()
  }

  @Test(arguments: ["missing", "flipped", "cut", "newer", "older"]) func damagedHashesAreNoDamagedBase(how: String) async throws {
    let (store, name) = try await filled()
    let path = "\(scratch.storePath)/meta/\(name).blocks"
    switch how {
    case "missing": #expect(unlink(path) == 0)
    case "cut": #expect(truncate(path, 100) == 0)
    default:
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      if how == "older" { bytes[16] = 1 } else { bytes[how == "newer" ? 16 : 70] ^= 0x40 }
      try bytes.write(to: URL(fileURLWithPath: path))
    }
    let report = try await store.verify(name, context: scratch.context)
    guard case .unverifiable(let reason) = report.verdict else {
      Issue.record("\(report.verdict)")
      return
    }
    #expect(reason.hasPrefix("its block hashes"))
    await store.close()
  }

  @Test func damageThatNothingUsesGoesIntoQuarantineAndDamageInUseIsMarked() async throws {
    let (store, name) = try await filled()
    try flip(store, name, at: 100)
    let report = try await store.verify(name, context: scratch.context)
    let user = try await store.openBase(name)
    let lock = try await store.lock(name, context: scratch.context)
    #expect(try await store.settle(report, lock: lock) == .marked(.inUse))
    #expect(try await store.damage(of: name)?.blocks == report.damaged)
    #expect(scratch.names("bases") == [name.text])
    try flip(store, name, at: 100, to: 5)
    let mended = try await store.verify(name, context: scratch.context)
    #expect(try await store.settle(mended, lock: lock) == .cleared)
    #expect(try await store.settle(mended, lock: lock) == .none)
    #expect(try await store.state(of: name).record != nil)
    try user.close()
    guard case .quarantined = try await store.settle(report, lock: lock) else {
      Issue.record("not in quarantine")
      return
    }
    // The same name, another file: an old report says nothing about it.
    lock.release()
    try await store.put(as: identity(), context: scratch.context)
    let again = try await store.lock(name, context: scratch.context)
    #expect(try await store.settle(report, lock: again) == .none)
    again.release()
    await store.close()
  }

  @Test func aVerificationCanBeCancelledAndHasADeadline() async throws {
    let (store, name) = try await filled()
    let context = scratch.context
    let slow = RateLimit(bytesPerSecond: 1)
    let task = Task { try await store.verify(name, rate: slow, context: context) }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    var late = scratch.context
    late.deadline = .after(.zero)
    let hurried = late
    let error = await #expect(throws: SlipwayError.self) { _ = try await store.verify(name, context: hurried) }
    #expect(error?.code == .timeout)
    #expect(try await store.leases(of: name) == [])
    await store.close()
  }

  @Test func progressEndsAtTheWhole() async throws {
    let (store, name) = try await filled()
    let last = Locked<Model.Progress?>(nil)
    var context = scratch.context
    context.progress = { progress in last.with { if progress.position >= $0?.position ?? 0 { $0 = progress } } }
    _ = try await store.verify(name, context: context)
    #expect(last.with { $0 } == Model.Progress(phase: .verifying, position: 40 << 20, total: 40 << 20))
    await store.close()
  }

  @Test(arguments: [true, false]) func anOldBaseGetsHashesWhenItsBytesAreProved(isSound: Bool) async throws {
    let store = try await scratch.open()
    let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
    let identity = try identity()
    let digest = try Digest.of(isSound ? bytes : bytes + [1], .sha256)
    var record = try record(identity, size: Int64(bytes.count))
    record.evidence.computed = digest
    let made = record
    let context = scratch.context
    try await store.withBaseLock(identity, context: context) { lock in
      let staged = try await store.stage(identity, reserve: ByteCount(0), lock: lock, context: context)
      try staged.file.write(bytes, at: 0)
      _ = try await store.publish(staged, record: made)
    }
    #expect(unlink("\(scratch.storePath)/meta/\(identity.name).blocks") == 0)
    let lock = try await store.lock(identity.name, context: context)
    if isSound {
      #expect(try await store.giveHashes(lock, context: context).verdict == .sound)
      #expect(try await store.verify(identity.name, context: context).verdict == .sound)
    } else {
      let report = try await store.giveHashes(lock, context: context)
      #expect(report.verdict == .damaged)
      #expect(report.reason?.contains("was verified") == true)
      guard case .quarantined = try await store.settle(report, lock: lock) else {
        Issue.record("it stays")
        return
      }
      #expect(!scratch.names("meta").contains("\(identity.name).blocks"))
    }
    #expect(scratch.names("tmp") == [])
    lock.release()
    await store.close()
  }

  @Test func anotherFormsBytesAreProvedByWhoCanReadThem() async throws {
    let store = try await scratch.open()
    let identity = try identity(format: .qcow2)
    try await store.put(as: identity, context: scratch.context)
    let kept = try #require(try await store.lookup(identity)?.evidence.computed)
    let lock = try await store.lock(identity.name, context: scratch.context)
    let error = await #expect(throws: SlipwayError.self) { _ = try await store.giveHashes(lock, context: scratch.context) }
    #expect(error?.code == .digestRequired)
    let unreadable = try await store.giveHashes(lock, context: scratch.context) { _ in throw SlipwayError(.formatRefused, "no table") }
    #expect(unreadable.verdict == .damaged && unreadable.reason == "no table")
    let proved = try await store.giveHashes(lock, context: scratch.context) { algorithm in
      #expect(algorithm == .sha256)
      return kept
    }
    #expect(proved.verdict == .sound)
    lock.release()
    await store.close()
  }
}
