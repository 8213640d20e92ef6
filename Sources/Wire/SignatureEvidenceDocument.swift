public import Model

/// A signature over an image's bytes that was found good.
public struct SignatureEvidenceDocument: Codable, Sendable, Hashable {
  /// A certificate that took part.
  public struct Signer: Codable, Sendable, Hashable {
    /// Its id.
    public var id: String
    /// SHA-256 of its DER form, `sha256:hex`.
    public var fingerprint: String
    /// Its subject.
    public var subject: String
    /// Until when it is valid, RFC 3339 in UTC.
    public var notAfter: String

    enum CodingKeys: String, CodingKey {
      case id, fingerprint, subject
      case notAfter = "not_after"
    }

    init(_ signer: SignatureEvidence.Signer) {
      (id, fingerprint, subject, notAfter) = (signer.id, signer.fingerprint.description, signer.subject, signer.notAfter)
    }
  }

  /// The kind of key, in OpenStack's words (`RSA-PSS`).
  public var keyType: String
  /// Size of the key in bits.
  public var keyBits: Int
  /// The hash, in OpenStack's words (`SHA-256`).
  public var hash: String
  /// SHA-256 of the signature, `sha256:hex`.
  public var signature: String
  /// The certificate of the key.
  public var certificate: Signer
  /// The trusted certificates above it, up to the self-signed one; null when none were demanded.
  @Nullable public var chain: [Signer]?
  /// When it was verified, and dates were judged, RFC 3339 in UTC.
  public var verifiedAt: String

  enum CodingKeys: String, CodingKey {
    case hash, signature, certificate, chain
    case keyType = "key_type"
    case keyBits = "key_bits"
    case verifiedAt = "verified_at"
  }

  /// The document for a signature.
  public init(_ evidence: SignatureEvidence) {
    keyType = evidence.keyType
    keyBits = evidence.keyBits
    hash = evidence.hash
    signature = evidence.signature.description
    certificate = Signer(evidence.certificate)
    chain = evidence.chain?.map { Signer($0) }
    verifiedAt = evidence.verifiedAt
  }
}
