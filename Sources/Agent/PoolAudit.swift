public import Model
public import PoolStore

/// What an audit found about one base in a pool.
public struct PoolAuditOutcome: Sendable {
  /// The base, as it was before.
  public let base: PoolBase
  /// The rule of policy by which it was judged, nil where it was not.
  public var rule: String?
  /// What policy has against what is known of it, and what its bytes were found to be.
  public var findings: [AuditOutcome.Finding] = []
  /// Bytes that were read of it.
  public var read = ByteCount(0)
  /// The disks that stand on it, where it failed.
  public var users: [String] = []
  /// Why it could not be judged.
  public var error: SlipwayError?

  /// How it stands.
  public var verdict: AuditOutcome.Verdict { !findings.isEmpty ? .failed : error != nil ? .unjudged : .passed }
}
