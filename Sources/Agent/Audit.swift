public import ImageStore
public import Model

/// What an audit found about one base.
public struct AuditOutcome: Sendable {
  /// How it stands.
  public enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// Today's policy and inspection have nothing against it.
    case passed
    /// They have.
    case failed
    /// It could not be judged.
    case unjudged
  }

  /// The base, as it was before.
  public let base: BaseSummary
  /// The rule of policy by which it was judged, nil where it was not.
  public var rule: String?
  /// What policy has against what is known of it, and what its bytes were found to be.
  public var findings: [Finding] = []
  /// Bytes that were read of it.
  public var read = ByteCount(0)
  /// The disks that stand on it, where it failed.
  public var users: [String] = []
  /// What that led to, where it was asked for.
  public var consequence: VerifyConsequence = .none
  /// Why it could not be judged, or no consequence be drawn.
  public var error: SlipwayError?

  /// One thing against a base.
  public struct Finding: Sendable {
    /// The error with which a request would be refused.
    public let error: SlipwayError
    /// Whether it is about the bytes, whatever policy says.
    public let isAboutBytes: Bool
  }

  /// How it stands.
  public var verdict: Verdict { !findings.isEmpty ? .failed : error != nil ? .unjudged : .passed }
}

/// What an audit found.
public struct AuditReport: Sendable {
  /// Base by base in the store, by name.
  public var outcomes: [AuditOutcome] = []
  /// Base by base in pools.
  public var pooled: [PoolAuditOutcome] = []
  /// Why a pool could not be looked into.
  public var unavailable: SlipwayError?

  /// How all stand, of the store and of pools.
  public var verdicts: [AuditOutcome.Verdict] { outcomes.map(\.verdict) + pooled.map(\.verdict) }
  /// What could not be looked into for disks, so that more than those named may stand on what failed; a sentence each.
  public var unsearched: [String] = []
}
