internal import ImageTrust
internal import Model

/// What a request demands of signatures.
struct SignatureDemand: Sendable {
  /// The image's signature, nil when it has none.
  var signature: ImageSignature?
  /// Whether there must be one.
  var isRequired = false
  /// Whether nobody looks at signatures.
  var isOff = false
  /// The certificates of which its chain must consist; with none no chain is asked for.
  var trusted: [CertificateID] = []
  /// The smallest keys.
  var keys = KeyPolicy()

  /// Nothing is demanded.
  init() {}

  /// What the rule for an image demands, `configured` certificates, and a request that names trusted certificates of its own. Throws `usage`,
  /// `configuration`.
  init(_ rule: EffectiveRule, configured: [String], trusted own: [String]) throws(SlipwayError) {
    isRequired = rule.demands.signature == .required || !own.isEmpty
    isOff = rule.demands.signature == .off && own.isEmpty
    if own.isEmpty {
      do throws(SlipwayError) {
        trusted = try CertificateID.trusted(configured)
      } catch {
        throw SlipwayError(.configuration, "trust.trusted: \(error.message)", object: "trust.trusted", hint: error.hint)
      }
    } else {
      trusted = try CertificateID.trusted(own)
    }
    keys = rule.demands.keys
  }

  /// Whether evidence holds the image's signature as it is demanded today; an image without one needs none. When dates were judged stays as it
  /// was: a certificate that expires later makes nothing of it void.
  func isMet(by evidence: Evidence) -> Bool {
    guard let signature else { return true }
    return evidence.signatures?.contains { signature.isMeant(by: $0) && accepts($0) } ?? false
  }

  private func accepts(_ evidence: SignatureEvidence) -> Bool {
    evidence.holds(for: trusted.map(\.text)) && keys.accepts(keyType: evidence.keyType, bits: evidence.keyBits)
  }

  /// As `isMet`, for a base whose image cannot be asked what its signature is: any over the same bytes will do. Throws `signature_required`.
  func judgeWithoutImage(_ evidence: Evidence, _ object: String) throws(SlipwayError) {
    let found = evidence.signatures ?? []
    // A base that was never signed may serve where none is required; one that was must still satisfy.
    guard !isOff, isRequired || !found.isEmpty else { return }
    guard !found.contains(where: accepts) else { return }
    throw SlipwayError(
      .signatureRequired, "the base of \(object) has no signature that satisfies what is demanded today", object: object,
      hint: "try again when the image service can be asked")
  }

  /// The error for an image without a signature where one is required.
  func missing(_ object: String) -> SlipwayError {
    SlipwayError(
      .signatureRequired, "image \(object) is not signed, and the policy or the request requires a signature", object: object,
      hint: "sign it, or set trust.signature: if-present and leave --trusted-cert out")
  }
}
