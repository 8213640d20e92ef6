public import Model

/// What was verified about a base, in `fetch --json`, `base ensure --json`, `cache list|show --json` and `disk create|show --json`.
public struct EvidenceDocument: Codable, Sendable, Hashable {
  /// `matched`, `none` or `pending`.
  public var digest: String
  /// The digest that was computed here, `algorithm:hex`; null when none was.
  @Nullable public var computed: String?
  /// Further digests of the same bytes, `algorithm:hex`.
  public var also: [String]
  /// What it was compared with, `algorithm:hex`; null when nothing was.
  @Nullable public var expected: String?
  /// Who said what to expect: `os_hash`, `checksum`, `request` or `identity` (the base's own name, of a copy); null when nobody did.
  @Nullable public var expectedFrom: String?
  /// Size in bytes of the stored bytes, counted here.
  public var sourceSize: Int64
  /// The format found by inspection of the stored bytes.
  public var inspectedFormat: String
  /// Which kind of that format it is, such as `v3` or `streamOptimized`; null where there is but one.
  @Nullable public var inspectedSubformat: String?
  /// The table of partitions in the first sector, `mbr` or `gpt`; null for none.
  @Nullable public var partitions: String?
  /// When the verdict fell, RFC 3339 in UTC.
  public var verifiedAt: String
  /// The signatures that were found good.
  public var signatures: [SignatureEvidenceDocument]
  /// How the base's bytes were made from those; null when nobody else made them.
  @Nullable public var conversion: ConversionDocument?
  /// What a guest sees of them, by inspection; null in evidence of an older version.
  @Nullable public var inspectedVirtualSize: Int64?
  /// `accepted`; null in evidence of an older version.
  @Nullable public var inspection: String?
  /// The rule of policy by which the verdict fell; null in evidence of an older version.
  @Nullable public var policy: JudgedByDocument?
  /// Which Slipway's verdict it is, `slipway 0.1.0`; null in evidence of an older version.
  @Nullable public var verifiedBy: String?

  enum CodingKeys: String, CodingKey {
    case digest, computed, also, expected, signatures, conversion, partitions, inspection, policy
    case expectedFrom = "expected_from"
    case sourceSize = "source_size"
    case inspectedFormat = "inspected_format"
    case inspectedSubformat = "inspected_subformat"
    case inspectedVirtualSize = "inspected_virtual_size"
    case verifiedAt = "verified_at"
    case verifiedBy = "verified_by"
  }

  /// The document for evidence.
  public init(_ evidence: Evidence) {
    digest = evidence.verdict.rawValue
    computed = evidence.computed?.description
    also = evidence.also?.map(\.description) ?? []
    expected = evidence.expected?.description
    expectedFrom = evidence.expectedFrom
    sourceSize = evidence.sourceSize.bytes
    inspectedFormat = evidence.inspectedFormat
    inspectedSubformat = evidence.inspectedSubformat
    partitions = evidence.partitions
    verifiedAt = evidence.verifiedAt
    signatures = evidence.signatures?.map { SignatureEvidenceDocument($0) } ?? []
    conversion = evidence.conversion.map { ConversionDocument($0) }
    inspectedVirtualSize = evidence.inspectedVirtualSize?.bytes
    inspection = evidence.inspection?.rawValue
    policy = evidence.policy.map { JudgedByDocument($0) }
    verifiedBy = evidence.verifiedBy
  }
}
