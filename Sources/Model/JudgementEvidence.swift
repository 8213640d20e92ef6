/// What inspection of stored bytes found, as far as policy asks for it.
public struct InspectedBytes: Sendable, Hashable {
  /// The format that was claimed and found.
  public var format: String
  /// Which kind of that, nil where there is but one or it was not told.
  public var subformat: String?
  /// Size in bytes that a guest sees.
  public var virtualSize: ByteCount

  /// What was found; see the properties.
  public init(format: String, subformat: String? = nil, virtualSize: ByteCount) {
    self.format = format
    self.subformat = subformat
    self.virtualSize = virtualSize
  }
}

/// What came of an inspection.
public enum InspectionVerdict: String, Sendable, Hashable, Codable {
  /// The bytes are what was claimed, and safe to open. (Nothing else is kept.)
  case accepted
}

/// The rule of policy by which a verdict fell.
public struct PolicyEvidence: Sendable, Hashable, Codable {
  /// The rule's name, as `plan` shows it.
  public var rule: String
  /// The project whose image it was, nil when nobody told.
  public var owner: String?
  /// The stores of the image service in which it lay.
  public var stores: [String]
  /// What the rule said of signatures.
  public var signature: SignatureRequirement
  /// What it said of digests.
  public var digest: DigestRequirement
  /// What it said of clones.
  public var clone: CloneVerification

  /// A rule; see the properties.
  public init(
    rule: String, owner: String?, stores: [String], signature: SignatureRequirement, digest: DigestRequirement, clone: CloneVerification
  ) {
    self.rule = rule
    self.owner = owner
    self.stores = stores
    self.signature = signature
    self.digest = digest
    self.clone = clone
  }
}
