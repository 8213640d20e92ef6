/// A signature over stored bytes that was found good: by which certificate, judged against what, and when.
public struct SignatureEvidence: Sendable, Hashable, Codable {
  /// A certificate that took part.
  public struct Signer: Sendable, Hashable, Codable {
    /// Its id in the certificate service, or its name in the directory.
    public var id: String
    /// SHA-256 of its DER form.
    public var fingerprint: Digest
    /// Its subject (RFC 2253).
    public var subject: String
    /// Until when it is valid, RFC 3339 in UTC. Judged once, at verification.
    public var notAfter: String

    /// A signer; see the properties.
    public init(id: String, fingerprint: Digest, subject: String, notAfter: String) {
      self.id = id
      self.fingerprint = fingerprint
      self.subject = subject
      self.notAfter = notAfter
    }

    enum CodingKeys: String, CodingKey {
      case id, fingerprint, subject
      case notAfter = "not_after"
    }
  }

  /// `img_signature_key_type`, as the image said.
  public var keyType: String
  /// Size of the key in bits.
  public var keyBits: Int
  /// `img_signature_hash_method`, as the image said.
  public var hash: String
  /// SHA-256 of the signature's bytes: which signature it was.
  public var signature: Digest
  /// The certificate whose key made it.
  public var certificate: Signer
  /// The trusted certificates from its issuer up to the self-signed one at the end (that one itself when it is its own); nil when no trusted
  /// certificates were demanded.
  public var chain: [Signer]?
  /// When, RFC 3339 in UTC.
  public var verifiedAt: String

  /// Evidence; see the properties.
  public init(
    keyType: String, keyBits: Int, hash: String, signature: Digest, certificate: Signer, chain: [Signer]?, verifiedAt: String
  ) {
    self.keyType = keyType
    self.keyBits = keyBits
    self.hash = hash
    self.signature = signature
    self.certificate = certificate
    self.chain = chain
    self.verifiedAt = verifiedAt
  }

  /// Whether its chain holds for someone who trusts just these certificates; everything holds for who names none.
  public func holds(for trusted: [String]) -> Bool {
    guard !trusted.isEmpty else { return true }
    guard let chain, !chain.isEmpty else { return false }
    return chain.allSatisfy { trusted.contains($0.id) }
  }

  enum CodingKeys: String, CodingKey {
    case hash, signature, certificate, chain
    case keyType = "key_type"
    case keyBits = "key_bits"
    case verifiedAt = "verified_at"
  }
}
