/// What was verified about a base, how, against what, and when. Kept beside the base; no verdict is older than the bytes.
public struct Evidence: Sendable, Hashable, Codable {
  /// How the digest stands: what was compared, or why nothing was.
  public enum DigestVerdict: String, Sendable, Hashable, Codable {
    /// Computed while the bytes streamed, and equal to the expected one.
    case matched
    /// Nothing to compare with was given, and policy allowed that; a digest computed all the same is recorded.
    case none
    /// The image service had an algorithm but no value yet; the computed digest is recorded.
    case pending
  }

  /// The verdict on the digest.
  public var verdict: DigestVerdict
  /// The digest of the stored bytes, computed here; nil when nothing was expected and nobody asked for one.
  public var computed: Digest?
  /// Further digests of the same bytes, computed here or compared later; nil for none.
  public var also: [Digest]?
  /// What it was compared with, nil when nothing was.
  public var expected: Digest?
  /// Who said what to expect: `os_hash`, `checksum`, `request`, `identity` (the base's name, of a copy), nil.
  public var expectedFrom: String?
  /// Size of the stored bytes, counted here.
  public var sourceSize: ByteCount
  /// The format found by inspection of the stored bytes.
  public var inspectedFormat: String
  /// Which kind of that format it is, such as `v3` or `streamOptimized`; nil where there is but one.
  public var inspectedSubformat: String?
  /// The table of partitions in its first sector, `mbr` or `gpt`; nil for none, or for a format that hides it.
  public var partitions: String?
  /// When the verdict fell, RFC 3339 in UTC.
  public var verifiedAt: String
  /// The signatures over the same bytes that were found good: images with the same bytes may have one each. Nil for none.
  public var signatures: [SignatureEvidence]?
  /// How the base's bytes were made from the verified ones, where another program did that; nil else.
  public var conversion: ConversionEvidence?
  /// Size in bytes that a guest sees, by inspection; nil in evidence of an older version.
  public var inspectedVirtualSize: ByteCount?
  /// What came of inspection; nil in evidence of an older version.
  public var inspection: InspectionVerdict?
  /// The rule of policy by which the last verdict fell; nil in evidence of an older version.
  public var policy: PolicyEvidence?
  /// Which Slipway's verdict it is (`slipway 0.1.0`); nil in evidence of an older version.
  public var verifiedBy: String?

  /// Evidence; see the properties.
  public init(
    verdict: DigestVerdict, computed: Digest?, also: [Digest]? = nil, expected: Digest?, expectedFrom: String?, sourceSize: ByteCount,
    inspectedFormat: String, inspectedSubformat: String? = nil, partitions: String? = nil, verifiedAt: String,
    signatures: [SignatureEvidence]? = nil, inspectedVirtualSize: ByteCount? = nil, inspection: InspectionVerdict? = nil,
    policy: PolicyEvidence? = nil, verifiedBy: String? = nil
  ) {
    self.verdict = verdict
    self.computed = computed
    self.also = also
    self.expected = expected
    self.expectedFrom = expectedFrom
    self.sourceSize = sourceSize
    self.inspectedFormat = inspectedFormat
    self.inspectedSubformat = inspectedSubformat
    self.partitions = partitions
    self.verifiedAt = verifiedAt
    self.signatures = signatures
    self.inspectedVirtualSize = inspectedVirtualSize
    self.inspection = inspection
    self.policy = policy
    self.verifiedBy = verifiedBy
  }

  /// The same with one more signature, which takes the place of older evidence of the very same one.
  public func adding(_ signature: SignatureEvidence, by policy: PolicyEvidence? = nil) -> Evidence {
    var copy = self
    if let policy { copy.policy = policy }
    let others = (signatures ?? []).filter { $0.signature != signature.signature || $0.certificate.id != signature.certificate.id }
    copy.signatures = others + [signature]
    return copy
  }

  enum CodingKeys: String, CodingKey {
    case verdict = "digest"
    case computed, also, expected, signatures, conversion, partitions
    case inspection, policy
    case inspectedVirtualSize = "inspected_virtual_size"
    case verifiedBy = "verified_by"
    case expectedFrom = "expected_from"
    case sourceSize = "source_size"
    case inspectedFormat = "inspected_format"
    case inspectedSubformat = "inspected_subformat"
    case verifiedAt = "verified_at"
  }

  /// What inspection found, as far as policy asks for it; nil in evidence of an older version.
  public var inspected: InspectedBytes? {
    inspectedVirtualSize.map { InspectedBytes(format: inspectedFormat, subformat: inspectedSubformat, virtualSize: $0) }
  }

  /// Every digest of the stored bytes that is known, the one that was compared first.
  public var digests: [Digest] { [computed].compactMap { $0 } + (also ?? []) }
}
