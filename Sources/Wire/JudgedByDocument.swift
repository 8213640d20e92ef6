internal import Model

/// The rule by which a verdict fell, in evidence.
public struct JudgedByDocument: Codable, Sendable, Hashable {
  /// The rule's name.
  public var rule: String
  /// The project whose image it was, null when nobody told.
  @Nullable public var owner: String?
  /// The image service's stores in which it lay.
  public var stores: [String]
  /// What the rule said.
  public var signature: String
  public var digest: String
  public var clone: String

  init(_ policy: PolicyEvidence) {
    rule = policy.rule
    owner = policy.owner
    stores = policy.stores
    signature = policy.signature.rawValue
    digest = policy.digest.rawValue
    clone = policy.clone.rawValue
  }
}
