internal import Crypto
internal import Files
internal import Foundation
public import Model
public import Runtime

extension Store {
  /// How many threads hash what is published: as many as there are processors, and no more than saturate a disk.
  static let hashers = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount))

  /// Gives block hashes to a base that has none (an older Slipway published it, or they were lost), if its bytes can be proved to be those that were
  /// verified: they are digested again and held against the evidence. Where the base is another form of the source's bytes (a qcow2 made from raw),
  /// `recompute` reads the file as the source was read and answers the digest with the given algorithm; what it throws because the file cannot be read
  /// as what it was (`digest_mismatch`, `format_mismatch`, `format_refused`) is damage, too. The report is `settle`'s: sound, or damaged without telling where; then
  /// nothing was written.
  ///
  /// Throws `digest_required` when the evidence holds no strong digest or the bytes cannot be compared with it, `base_not_found`, `base_damaged`,
  /// `busy`.
  public func giveHashes(
    _ lock: BaseLock, rate: RateLimit? = nil, jobs: Int = 2, context: RequestContext,
    recompute: (@Sendable (DigestAlgorithm) async throws -> Digest)? = nil
  ) async throws -> VerifyReport {
    let start = ContinuousClock.now
    let name = lock.name
    let record = try await pool.run { try self.readyRecord(name) }
    guard let kept = record.evidence.computed, kept.algorithm.isStrong else {
      throw SlipwayError(
        .digestRequired, "the evidence of \(path(of: name)) holds no strong digest to prove its bytes by", object: path(of: name),
        hint: "purge it and fetch the image again")
    }
    let file = try await openBase(name)
    defer { try? file.close() }
    let status = try await pool.run { try file.status() }
    if let reason = try await difference(of: file, from: kept, record, rate, context, recompute) {
      return VerifyReport(name: name, verdict: .damaged, duration: ContinuousClock.now - start, file: status, reason: reason)
    }
    let hashes = try await takeHashes(of: file, jobs: jobs, rate: rate)
    do {
      try await pool.run {
        try lock.verify()
        try self.keepHashes(hashes, name)
        try self.meta.sync()
      }
    } catch {
      await discardHashes(hashes)
      throw error
    }
    let blocks = BlockHashes(fileSize: status.size).count
    return VerifyReport(
      name: name, verdict: .sound, blocks: blocks, read: ByteCount(min(status.size, status.allocated)),
      duration: ContinuousClock.now - start, file: status)
  }

  /// How a base's bytes differ from those that were verified; nil when they do not.
  private func difference(
    of file: File, from kept: Digest, _ record: BaseRecord, _ rate: RateLimit?, _ context: RequestContext,
    _ recompute: (@Sendable (DigestAlgorithm) async throws -> Digest)?
  ) async throws -> String? {
    let isSame = record.identity.sourceFormat == record.identity.format.rawValue && record.evidence.sourceSize == record.fileSize
    let now: Digest
    if isSame {
      now = try await digest(of: file, kept.algorithm, rate, context)
    } else if let recompute {
      do {
        now = try await recompute(kept.algorithm)
      } catch let error as SlipwayError where [.digestMismatch, .formatMismatch, .formatRefused].contains(error.code) {
        return error.message
      }
    } else {
      throw SlipwayError(
        .digestRequired, "the bytes of \(file.path) are another form of those that were verified, and cannot be compared with them",
        object: file.path, hint: "purge it and fetch the image again")
    }
    return now == kept ? nil : "its bytes have \(now), and \(kept) was verified"
  }

  private func digest(
    of file: File, _ algorithm: DigestAlgorithm, _ rate: RateLimit?, _ context: RequestContext
  ) async throws -> Digest {
    let digest = try StreamingDigest(algorithm)
    let buffer = Buffer(capacity: 4 << 20)
    let size = try await pool.run { try file.size() }
    var position: Int64 = 0
    while position < size {
      try context.deadline.check("verifying \(file.path)")
      let count = Int(min(size - position, 4 << 20))
      let start = position
      try await rate?.take(count)
      try await pool.run {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<count])
        try file.readExactly(into: part, at: start)
        try digest.update(UnsafeRawBufferPointer(part))
      }
      position += Int64(count)
      context.progress(Progress(phase: .verifying, position: position, total: size))
    }
    return try digest.finalize()
  }

  /// Hashes a file that nobody writes to any more, block by block on `jobs` threads, into a file of `tmp`; its name.
  func takeHashes(of file: File, jobs: Int, rate: RateLimit? = nil) async throws -> String {
    let text = TemporaryName(.blocks).text
    let (hashes, target) = try await pool.run {
      (BlockHashes(fileSize: try file.size()), try self.temporary.createFile(text, mode: 0o600))
    }
    do {
      let queue = BlockQueue(count: hashes.count)
      try await forEachBlock(queue, jobs: jobs, rate: rate, reader: { try BlockReader(hashes, file: file) }) { reader, block in
        guard try !reader.isHole(block) else { return 0 }
        try BlockHashes.write(reader.hash(block), of: block, to: target)
        return Int(hashes.range(of: block).count)
      }
      try await pool.run {
        try hashes.complete(target)
        try target.close()
      }
      return text
    } catch {
      try? target.close()
      await discardHashes(text)
      throw error
    }
  }

  /// Puts the hashes beside their base. The caller makes the name last (fsync of `meta`).
  func keepHashes(_ text: String, _ name: BaseName) throws(SlipwayError) {
    try temporary.rename(text, to: name.blocks, in: meta, replacing: true)
  }

  /// Removes hashes that were not kept; nothing when they were.
  func discardHashes(_ text: String) async {
    _ = try? await pool.runAlways { try self.temporary.remove(text) }
  }

  /// Runs `body` for every block on `jobs` owned threads; it answers how many bytes it read. Ends when the task is cancelled.
  func forEachBlock(
    _ queue: BlockQueue, jobs: Int, rate: RateLimit?, reader make: @escaping @Sendable () throws -> BlockReader,
    _ body: @escaping @Sendable (BlockReader, Int64) throws -> Int
  ) async throws {
    let pool = self.pool
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, jobs) {
        group.addTask {
          let reader = try make()
          var isDone = false
          while !isDone {
            let read = try await pool.run { () throws -> Int? in
              // Many holes, but one block of data at a time: others want the thread, too.
              for _ in 0..<1024 {
                guard let block = queue.next() else { return nil }
                let read = try body(reader, block)
                if read > 0 { return read }
              }
              return 0
            }
            // Paid afterwards: what a block costs is known then.
            if let read, read > 0 { try await rate?.take(read) }
            isDone = read == nil
          }
        }
      }
      try await group.waitForAll()
    }
  }
}

/// Hands out block numbers, each once.
final class BlockQueue: Sendable {
  private let position = Locked<Int64>(0)
  private let count: Int64

  init(count: Int64) { self.count = count }

  func next() -> Int64? {
    position.with { position in
      guard position < count else { return nil }
      defer { position += 1 }
      return position
    }
  }
}
