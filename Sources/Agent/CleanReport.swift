public import Cleaner
public import Disks
public import ImageStore
public import Model

/// What a cleaning did, or would do.
public struct CleanReport: Sendable {
  /// A base that went, or would go.
  public struct Evicted: Sendable {
    /// It, as it was.
    public let base: BaseSummary
    /// The rule that chose it.
    public let rule: CleanRule
    /// More about the rule, one clause.
    public let detail: String?
    /// Bytes that came free, or would.
    public let reclaimed: ByteCount
  }

  /// A base that stays.
  public struct Kept: Sendable {
    /// It.
    public let base: BaseSummary
    /// Why.
    public let reason: KeepReason
    /// By whom, until when; one clause.
    public let detail: String?
  }

  /// A base that was to go, and an error kept it.
  public struct Failed: Sendable {
    /// It.
    public let base: BaseSummary
    /// Why it is still there.
    public let error: SlipwayError
  }

  /// Whether nothing was touched.
  public var dryRun: Bool
  /// In the order in which they went.
  public var evicted: [Evicted] = []
  /// By name.
  public var kept: [Kept] = []
  /// By name.
  public var failed: [Failed] = []
  /// Damaged bases whose time in quarantine is over, and that went, or would go, the oldest first.
  public var quarantine: [QuarantinedBase] = []
  /// Why one of them is still there.
  public var undiscarded: [SlipwayError] = []
  /// Limits that stay exceeded, since what exceeds them may not go.
  public var unmet: [CleanRule] = []
  /// Why nothing may go at all.
  public var barriers: [Barrier] = []
  /// What the search for disks found.
  public var disks = DiskReferences()
  /// Why the image service was not asked about all images, one sentence; nil when it was.
  public var unasked: String?

  /// Bytes that came free, or would.
  public var reclaimed: ByteCount {
    ByteCount(evicted.reduce(0) { $0 + $1.reclaimed.bytes } + quarantine.reduce(0) { $0 + $1.allocated.bytes })
  }

  /// Whether something that was to go could not be removed.
  public var hasFailures: Bool { !failed.isEmpty || !undiscarded.isEmpty }
}

/// What cleaning would do with one base now.
public enum CleanVerdict: Sendable, Hashable {
  /// It would go, by this rule; more about it in one clause.
  case goes(CleanRule, String?)
  /// It would stay, for this reason; more about it in one clause.
  case stays(KeepReason, String?)
}
