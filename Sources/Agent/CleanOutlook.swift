/// A disk that holds a base.
public struct BaseUser: Sendable, Hashable {
  /// Its path.
  public let disk: String
  /// The domains that have it, by name; empty where libvirt knows of none, or was not asked.
  public let domains: [String]
}

/// How a base stands: what cleaning would do with it now, and who holds it.
public struct CleanOutlook: Sendable, Hashable {
  /// What cleaning would do.
  public let verdict: CleanVerdict
  /// Who stands on it, by path.
  public let users: [BaseUser]
}
