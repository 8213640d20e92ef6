internal import Files
public import Model

/// What a verification of a base against its block hashes found.
public struct VerifyReport: Sendable, Hashable {
  /// At most so many damaged runs are told one by one.
  public static let runLimit = 64

  /// The verdict.
  public enum Verdict: Sendable, Hashable {
    /// Every block is what was published.
    case sound
    /// Some blocks are not.
    case damaged
    /// There is nothing to compare with; one sentence why.
    case unverifiable(String)
  }

  /// The base.
  public let name: BaseName
  /// The verdict.
  public let verdict: Verdict
  /// Blocks that were compared, holes included.
  public let blocks: Int64
  /// Blocks that differ.
  public let damagedBlocks: Int64
  /// Where they lie in the file, in order, neighbours joined; the first `runLimit` runs.
  public let damaged: [ByteRun]
  /// Bytes that were read; holes are not.
  public let read: ByteCount
  /// How long it took.
  public let duration: Duration
  /// What is wrong with a damaged base, one clause, where it is not told by blocks.
  public let reason: String?
  /// The file that was read.
  let file: FileStatus?

  init(
    name: BaseName, verdict: Verdict, blocks: Int64 = 0, damagedBlocks: Int64 = 0, damaged: [ByteRun] = [], read: ByteCount = ByteCount(0),
    duration: Duration = .zero, file: FileStatus? = nil, reason: String? = nil
  ) {
    self.name = name
    self.verdict = verdict
    self.blocks = blocks
    self.damagedBlocks = damagedBlocks
    self.damaged = damaged
    self.read = read
    self.duration = duration
    self.file = file
    self.reason = reason
  }

  /// The same with another word on why there is nothing to compare with.
  public func unverifiable(_ reason: String) -> VerifyReport {
    VerifyReport(name: name, verdict: .unverifiable(reason), duration: duration, file: file)
  }
}
