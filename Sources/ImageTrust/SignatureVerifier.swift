internal import Crypto
public import Model
public import Runtime

/// A signature whose certificate was found fit, waiting for the digest of the stored bytes.
///
/// It takes a digest, not bytes: whoever moves the bytes hashes them once per algorithm, so that a signature over a hash that is taken anyway
/// (Glance's own SHA-512) costs nothing.
public struct SignatureVerifier: Sendable {
  /// The signature.
  public let signature: ImageSignature
  /// The hash that `judge` wants.
  public var algorithm: DigestAlgorithm { signature.hash.algorithm }
  private let certificate: Certificate
  private let chain: [NamedCertificate]?
  private let label: String

  /// Gets the certificate and judges everything that can be judged before a byte is moved: kind, curve and size of its key, its dates, and, where
  /// `trusted` names any, its chain. A trusted certificate that cannot be had is left out, with a warning.
  ///
  /// Throws `certificate_unusable`, `certificate_untrusted`, `certificate_service_unavailable`, `timeout`, `CancellationError`.
  public static func prepare(
    _ signature: ImageSignature, of label: String, from source: any CertificateSource, trusted: [CertificateID], keys: KeyPolicy,
    now: Int64? = nil, context: RequestContext
  ) async throws -> SignatureVerifier {
    let now = now ?? Timestamp.now()
    let certificate = try await source.certificate(signature.certificate, context: context)
    func refused(_ code: ErrorCode, _ reason: String, hint: String? = nil) -> SlipwayError {
      SlipwayError(
        code, "the signature of image \(label) cannot be trusted: its certificate \(signature.certificate) \(reason)", object: label,
        hint: hint)
    }
    let wanted = signature.keyType.key
    guard certificate.key.kind == wanted else {
      throw refused(
        .certificateUnusable,
        "has a key of another kind (\(certificate.key.kind.words)) than img_signature_key_type says (\(wanted.words))",
        hint: "correct the property, or sign with the key that it names")
    }
    if let reason = keys.refusal(certificate.key.kind, bits: certificate.key.bits) {
      throw refused(.certificateUnusable, "is refused: \(reason)", hint: "sign with a larger key")
    }
    if let reason = certificate.lapse(at: now) {
      throw refused(.certificateUnusable, reason, hint: "sign the image with a certificate that is valid")
    }
    guard !trusted.isEmpty else {
      return SignatureVerifier(signature: signature, certificate: certificate, chain: nil, label: label)
    }
    var found: [NamedCertificate] = []
    var outage: SlipwayError?
    for id in trusted {
      do {
        found.append(NamedCertificate(id: id, certificate: try await source.certificate(id, context: context)))
      } catch let error as SlipwayError {
        switch error.code {
        case .certificateUnusable: break
        case .certificateServiceUnavailable: outage = error
        default: throw error
        }
        context.log(.warning, "a trusted certificate cannot be had", ["certificate": id.text, "error": error.message])
      }
    }
    switch CertificateChain(trusted: found, now: now, keys: keys).find(certificate) {
    case .trusted(let chain): return SignatureVerifier(signature: signature, certificate: certificate, chain: chain, label: label)
    case .refused(let reason):
      // With the missing one the verdict might be another.
      if let outage { throw outage }
      throw refused(
        .certificateUntrusted, "has no chain to a trusted one: \(reason)",
        hint: "trust every certificate of its chain, up to the self-signed one")
    }
  }

  /// Whether a digest is of the hash that was signed.
  public func takes(_ digest: Digest) -> Bool { digest.algorithm == algorithm }

  /// The verdict over stored bytes with `digest`. Throws `signature_mismatch`.
  public func judge(_ digest: Digest, now: Int64? = nil) throws(SlipwayError) -> SignatureEvidence {
    guard digest.algorithm == algorithm else {
      throw SlipwayError(.internalError, "a \(signature.hash.rawValue) signature was given a \(digest.algorithm.rawValue) digest")
    }
    guard try certificate.key.verifies(signature.bytes, of: digest, scheme: signature.keyType.scheme) else {
      throw SlipwayError(
        .signatureMismatch,
        "the signature of image \(label) is not one of certificate \(signature.certificate) over these bytes (\(signature.keyType.rawValue), \(digest))",
        object: label, hint: "nothing was kept; compare the image with its original, and sign and upload it again")
    }
    return SignatureEvidence(
      keyType: signature.keyType.rawValue, keyBits: certificate.key.bits, hash: signature.hash.rawValue, signature: signature.digest,
      certificate: signer(signature.certificate, certificate), chain: chain?.map { signer($0.id, $0.certificate) },
      verifiedAt: Timestamp.text(now ?? Timestamp.now()))
  }

  private func signer(_ id: CertificateID, _ certificate: Certificate) -> SignatureEvidence.Signer {
    SignatureEvidence.Signer(
      id: id.text, fingerprint: certificate.fingerprint, subject: certificate.subject, notAfter: Timestamp.text(certificate.notAfter))
  }
}

extension PublicKey.Kind {
  /// For people.
  var words: String {
    switch self {
    case .rsa: "RSA"
    case .dsa: "DSA"
    case .ec(let curve): "EC on \(curve)"
    case .other(let name): name
    }
  }
}
