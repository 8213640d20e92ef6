/// The rule of policy that holds for an image, in `slipway plan --json`.
public struct PolicyDocument: Codable, Sendable, Hashable {
  /// The rule's name: `default`, `store S`, `owner P`, `owner P, store S`; several joined by ` + ` for an image that lies in several stores.
  public var rule: String
  /// The project whose image it is, null when nobody told.
  @Nullable public var owner: String?
  /// The image service's stores in which it lies.
  public var stores: [String]
  /// `required`, `if-present` or `off`.
  public var signature: String
  /// `required` or `if-present`.
  public var digest: String
  /// `verify-all`, `verify-signed` or `trust`.
  public var clone: String
  /// The fewest bits of RSA and DSA keys.
  public var minRSABits: Int
  public var minDSABits: Int
  /// What is allowed.
  public var keyTypes: [String]
  public var formats: [String]
  public var vmdkSubformats: [String]
  /// The most bytes that a guest may see, null for no limit.
  @Nullable public var maxVirtualSize: Int64?
  /// Whether a signature makes a digest of another algorithm unnecessary.
  public var signatureCoversDigest: Bool
  /// What that means for this image on this target, for people.
  public var demands: [String]
  /// What an operator should know who made the rule so lax, for people.
  public var warnings: [String]

  enum CodingKeys: String, CodingKey {
    case rule, owner, stores, signature, digest, clone, formats, demands, warnings
    case minRSABits = "min_rsa_bits"
    case minDSABits = "min_dsa_bits"
    case keyTypes = "key_types"
    case vmdkSubformats = "vmdk_subformats"
    case maxVirtualSize = "max_virtual_size"
    case signatureCoversDigest = "signature_covers_digest"
  }

  /// A rule; see the properties.
  public init(
    rule: String, owner: String?, stores: [String], signature: String, digest: String, clone: String, minRSABits: Int, minDSABits: Int,
    keyTypes: [String], formats: [String], vmdkSubformats: [String], maxVirtualSize: Int64?, signatureCoversDigest: Bool,
    demands: [String], warnings: [String]
  ) {
    self.rule = rule
    self.owner = owner
    self.stores = stores
    self.signature = signature
    self.digest = digest
    self.clone = clone
    self.minRSABits = minRSABits
    self.minDSABits = minDSABits
    self.keyTypes = keyTypes
    self.formats = formats
    self.vmdkSubformats = vmdkSubformats
    self.maxVirtualSize = maxVirtualSize
    self.signatureCoversDigest = signatureCoversDigest
    self.demands = demands
    self.warnings = warnings
  }
}
