public import Crypto

/// A certificate under the id by which it was asked for.
public struct NamedCertificate: Sendable {
  /// The id.
  public let id: CertificateID
  /// The certificate.
  public let certificate: Certificate

  /// A pair.
  public init(id: CertificateID, certificate: Certificate) {
    self.id = id
    self.certificate = certificate
  }
}

/// Finds the chain from a certificate to a trusted one, by the rules of cursive's `certificate_utils` (which Nova follows for
/// `trusted_image_certificates`), but bounded, and without its endless loop over certificates that sign each other.
///
/// Every signer is one of the trusted certificates, valid now, a CA (BasicConstraints) that may sign certificates (KeyUsage), and within its path
/// length; the last one is self-signed. The certificate itself is valid now; when it is self-signed, it is itself trusted and a CA.
public struct CertificateChain: Sendable {
  /// The longest chain, its first certificate included.
  public static let limit = 10
  /// The trusted certificates.
  let trusted: [NamedCertificate]
  /// Seconds since 1970 at which dates are judged.
  let now: Int64
  /// The smallest keys.
  let keys: KeyPolicy

  /// A search; `trusted` in any order.
  public init(trusted: [NamedCertificate], now: Int64, keys: KeyPolicy) {
    self.trusted = trusted
    self.now = now
    self.keys = keys
  }

  /// What came of a search.
  public enum Outcome: Sendable {
    /// The trusted certificates from the issuer to the self-signed one.
    case trusted([NamedCertificate])
    /// Why there is no chain, one clause.
    case refused(String)
  }

  /// The chain of `leaf`.
  public func find(_ leaf: Certificate) -> Outcome {
    if let reason = leaf.lapse(at: now) { return .refused(reason) }
    if leaf.hasUnusableExtensions { return .refused("its extensions are malformed, or critical and unknown") }
    var search = Search(signers: trusted.filter { isSigner($0.certificate) })
    if let chain = search.extend(leaf, above: []) { return .trusted(chain) }
    return .refused(search.reason ?? refusal(of: leaf))
  }

  private func isSigner(_ certificate: Certificate) -> Bool { unfit(certificate) == nil }

  /// Why a certificate may sign no other, nil when it may.
  private func unfit(_ certificate: Certificate) -> String? {
    if let reason = certificate.lapse(at: now) { return reason }
    if certificate.hasUnusableExtensions { return "has malformed or unknown critical extensions" }
    guard certificate.isCA else { return "is no CA (BasicConstraints)" }
    guard certificate.signsCertificates else { return "may not sign certificates (KeyUsage)" }
    return keys.refusal(certificate.key.kind, bits: certificate.key.bits)
  }

  /// Which of the trusted certificates would be the issuer if it were fit.
  private func refusal(of leaf: Certificate) -> String {
    for candidate in trusted where leaf.namesAsIssuer(candidate.certificate) {
      if let reason = unfit(candidate.certificate) { return "its issuer, certificate \(candidate.id), cannot be used: it \(reason)" }
    }
    return "none of the trusted certificates issued it ('\(leaf.issuer)')"
  }

  /// Depth first, each certificate once on a path, and only so many signatures looked at.
  private struct Search {
    let signers: [NamedCertificate]
    var budget = 512
    var reason: String?

    /// The chain above `certificate`, of which `above` is already known: what lies between it and the leaf.
    mutating func extend(_ certificate: Certificate, above path: [NamedCertificate]) -> [NamedCertificate]? {
      // The leaf and the path so far; its issuer would be one more.
      for signer in signers where certificate.namesAsIssuer(signer.certificate) {
        let isItself = signer.certificate.fingerprint == certificate.fingerprint
        if !isItself, path.contains(where: { $0.certificate.fingerprint == signer.certificate.fingerprint }) { continue }
        guard budget > 0 else {
          reason = "its chain is too wide to search"
          return nil
        }
        budget -= 1
        guard certificate.hasCommonSignature, certificate.isSigned(by: signer.certificate) else {
          reason = reason ?? "its chain has a signature that is wrong, or of a kind other than PKCS#1 v1.5, DSA and ECDSA with SHA-2"
          continue
        }
        // The end: trusted and self-signed. Below it lies the path, of which it is the last one already.
        if isItself { return path.isEmpty ? [signer] : path }
        let between = path.count
        if let length = signer.certificate.pathLength, length < between {
          reason = "certificate \(signer.id) allows \(length) certificates below it, and there are \(between)"
          continue
        }
        guard path.count + 2 <= CertificateChain.limit else {
          reason = "its chain is longer than \(CertificateChain.limit)"
          continue
        }
        if let chain = extend(signer.certificate, above: path + [signer]) { return chain }
        if reason == nil { reason = "its chain does not end in a trusted self-signed certificate" }
      }
      return nil
    }
  }
}

extension Certificate {
  /// Why it is not valid at a time, nil when it is.
  func lapse(at now: Int64) -> String? {
    if now < notBefore { return "is not valid before \(Timestamp.text(notBefore))" }
    if now > notAfter { return "expired at \(Timestamp.text(notAfter))" }
    return nil
  }
}
