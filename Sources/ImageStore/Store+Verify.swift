internal import Crypto
internal import Files
internal import Glibc
internal import Model
public import Runtime

/// What a verification led to.
public enum VerifyConsequence: Sendable, Hashable {
  /// Nothing had to change.
  case none
  /// The base is sound, and a mark from earlier was taken away.
  case cleared
  /// It had no block hashes; the digest of its evidence proved it, and it has them now.
  case hashed
  /// It is damaged and nothing uses it: it lies in quarantine at this path, and can be fetched again.
  case quarantined(String)
  /// It is damaged and stays, marked: why it could not go.
  case marked(EvictionOutcome)
}

extension Store {
  /// Reads a base from the disk (past the page cache, where that can be) and compares every block with the hashes that were taken when it was
  /// published; holes cost nothing. On `jobs` threads, within `rate`, until the context's deadline; `context.progress` is told. The base is leased
  /// meanwhile, not locked: nobody waits for a scrub. What a report is to change is `settle`'s.
  ///
  /// Throws `base_not_found`, `timeout`, `CancellationError`. A block that cannot be read counts as damaged.
  public func verify(
    _ name: BaseName, rate: RateLimit? = nil, jobs: Int = 2, context: RequestContext
  ) async throws -> VerifyReport {
    let start = ContinuousClock.now
    let lease = try await lease(name, note: "verification", context: context)
    defer { lease.release() }
    let (file, plain) = try await pool.run { () throws -> (File, File) in
      let file = try self.bases.openFile(name.text, missing: .baseNotFound)
      do {
        _ = try file.setDirect(true)
        return (file, try self.bases.openFile(name.text, missing: .baseNotFound))
      } catch {
        try? file.close()
        throw error
      }
    }
    defer {
      try? file.close()
      try? plain.close()
    }
    let status = try await pool.run { try plain.status() }
    let sidecar: File
    let hashes: BlockHashes
    do {
      (sidecar, hashes) = try await pool.run { try self.openHashes(name) }
    } catch let error as BlockHashes.Unusable {
      return VerifyReport(
        name: name, verdict: .unverifiable("its block hashes \(error.reason)"), duration: ContinuousClock.now - start, file: status)
    }
    defer { try? sidecar.close() }
    guard hashes.fileSize == status.size else {
      let (less, more) = (min(hashes.fileSize, status.size), max(hashes.fileSize, status.size))
      return VerifyReport(
        name: name, verdict: .damaged, damagedBlocks: (more - less + BlockHashes.blockSize - 1) / BlockHashes.blockSize,
        damaged: [ByteRun(offset: less, length: more - less)], duration: ContinuousClock.now - start, file: status)
    }
    let findings = Findings(hashes)
    try await forEachBlock(
      BlockQueue(count: hashes.count), jobs: jobs, rate: rate, reader: { try BlockReader(hashes, file: file, plain: plain) }
    ) { reader, block in
      try context.deadline.check("verifying \(self.path(of: name))")
      let (isSound, read) = try Self.compare(block, reader, try hashes.entry(block, in: sidecar))
      let position = findings.note(block, isSound: isSound, read: read)
      context.progress(Progress(phase: .verifying, position: position, total: hashes.fileSize))
      return read
    }
    return findings.report(name, ContinuousClock.now - start, status)
  }

  /// Draws the consequence of a report, under the base's lock: a damaged base that nothing uses goes into quarantine; one in use keeps its name and
  /// bytes and is marked, so that no new disk grows from it; a sound one loses its mark. Nothing when the base was replaced since. `isUsed` says that
  /// disks stand on it, of which the store itself sees only those that are open. Throws as `evict`.
  public func settle(
    _ report: VerifyReport, lock: BaseLock, isUsed: Bool = false, ownsSharedFileSystem: Bool = false
  ) async throws -> VerifyConsequence {
    guard lock.name == report.name else { throw SlipwayError(.internalError, "the lock of \(lock.name) is not that of \(report.name)") }
    let status = try await pool.run { try self.bases.status(of: report.name.text) }
    guard let status, let file = report.file, status.isSameFile(as: file) else { return .none }
    switch report.verdict {
    case .unverifiable: return .none
    case .sound:
      if try await damage(of: report.name)?.isLasting == true { return .none }
      return try await clearDamage(lock) ? .cleared : .none
    case .damaged:
      let first = report.damaged.first.map { ", the first at byte \($0.offset)" } ?? ""
      let blocks = report.damagedBlocks == 1 ? "1 block differs" : "\(report.damagedBlocks) blocks differ"
      let reason = report.reason ?? "\(blocks) from what was published\(first)"
      // The mark first: whatever goes wrong from here on, no disk grows from it.
      try await markDamaged(lock, reason: reason, blocks: report.damaged)
      if isUsed { return .marked(.inUse) }
      let outcome = try await quarantine(lock, reason: reason, ownsSharedFileSystem: ownsSharedFileSystem)
      if case .quarantined(let path) = outcome { return .quarantined(path) }
      return .marked(outcome)
    }
  }

  private func openHashes(_ name: BaseName) throws -> (File, BlockHashes) {
    let file: File
    do throws(SlipwayError) {
      file = try meta.openFile(name.blocks)
    } catch {
      guard error.errno == SystemError.notThere else { throw error }
      throw BlockHashes.Unusable(reason: "are missing: an older version published it, or someone removed them")
    }
    do {
      return (file, try BlockHashes(reading: file))
    } catch {
      try? file.close()
      throw error
    }
  }

  /// Whether a block is what it was, and how many bytes were read for that.
  private static func compare(_ block: Int64, _ reader: BlockReader, _ expected: BlockHash.Sum) throws -> (Bool, Int) {
    let count = Int(reader.hashes.range(of: block).count)
    // A copy of the store may have holes where zeros lay, or the other way round.
    if try reader.isHole(block) { return (expected == BlockHash.Sum(), 0) }
    do {
      return (try reader.hash(block) == expected, count)
    } catch let error as SlipwayError where error.errno == EIO {
      return (false, count)
    }
  }
}

/// What a verification has found so far; blocks come in any order.
private final class Findings: Sendable {
  private struct State {
    var blocks: Int64 = 0
    var position: Int64 = 0
    var read: Int64 = 0
    var damaged: [Int64] = []
  }
  private let state = Locked(State())
  private let hashes: BlockHashes

  init(_ hashes: BlockHashes) { self.hashes = hashes }

  /// The bytes that have been checked.
  func note(_ block: Int64, isSound: Bool, read: Int) -> Int64 {
    state.with { state in
      state.blocks += 1
      state.position += Int64(hashes.range(of: block).count)
      state.read += Int64(read)
      if !isSound { state.damaged.append(block) }
      return state.position
    }
  }

  func report(_ name: BaseName, _ duration: Duration, _ file: FileStatus) -> VerifyReport {
    let state = state.with { $0 }
    var runs: [ByteRun] = []
    for block in state.damaged.sorted() {
      let range = hashes.range(of: block)
      if let last = runs.indices.last, runs[last].offset + runs[last].length == range.lowerBound {
        runs[last].length += Int64(range.count)
      } else {
        runs.append(ByteRun(offset: range.lowerBound, length: Int64(range.count)))
      }
    }
    return VerifyReport(
      name: name, verdict: runs.isEmpty ? .sound : .damaged, blocks: state.blocks, damagedBlocks: Int64(state.damaged.count),
      damaged: Array(runs.prefix(VerifyReport.runLimit)), read: ByteCount(state.read), duration: duration, file: file)
  }
}
