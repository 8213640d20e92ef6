internal import Configuration
internal import ImageTrust
internal import Model

/// What a request demands of an image's bytes.
struct Demand: Sendable {
  /// Every digest that the stored bytes must have, with who says so.
  var digests: [(digest: Digest, from: String)]
  /// Whether at least one digest must have been compared.
  var isRequired: Bool
  /// What the bytes are called in a sentence.
  var object: String
  /// What is demanded of signatures.
  var signatures = SignatureDemand()

  /// How a base's evidence stands up to a demand.
  enum Standing: Sendable, Hashable {
    /// It holds all that is demanded.
    case satisfied
    /// These digests were never taken, or the signature was never judged as is demanded today: its source must be verified again.
    case unproven([Digest], signature: Bool = false)
  }

  /// Throws `digest_mismatch` where two demands can never both be met, `digest_required` where policy wants a digest and there is none to have,
  /// `signature_required` likewise.
  func judge(isPending: Bool = false) throws(SlipwayError) {
    for (index, one) in digests.enumerated() {
      for other in digests[..<index] where other.digest.algorithm == one.digest.algorithm && other.digest != one.digest {
        throw SlipwayError(
          .digestMismatch, "\(other.from) says that \(object) has \(other.digest), \(one.from) says \(one.digest)", object: object,
          hint: "nothing was moved; compare the two, and leave --digest out if the image service is right")
      }
    }
    if signatures.isRequired, signatures.signature == nil { throw signatures.missing(object) }
    guard isRequired, digests.isEmpty else { return }
    throw SlipwayError(
      .digestRequired, "image \(object) has no digest\(isPending ? " yet" : ""), and the policy requires one", object: object,
      hint: "give --digest ALGORITHM:HEX, or set trust.digest: if-present")
  }

  /// Holds the evidence of a base that is here against the demand: no base is handed out on less than is asked for today.
  ///
  /// Throws `digest_mismatch` where the base has another digest than the one demanded.
  func standing(of evidence: Evidence) throws(SlipwayError) -> Standing {
    var unproven: [Digest] = []
    for (digest, from) in digests {
      let known = evidence.digests.filter { $0.algorithm == digest.algorithm }
      if let other = known.first(where: { $0 != digest }) {
        throw SlipwayError(
          .digestMismatch, "the base of \(object) was made of bytes with \(other), \(from) says \(digest)", object: object,
          hint: "compare the digest with the image's original")
      }
      if known.isEmpty { unproven.append(digest) }
    }
    let isUnsigned = !signatures.isMet(by: evidence)
    return unproven.isEmpty && !isUnsigned ? .satisfied : .unproven(unproven, signature: isUnsigned)
  }

  /// As `standing`, for a base that serves although its source cannot be asked: what is not proved is refused.
  ///
  /// Throws `digest_required`, `signature_required` and `digest_mismatch`.
  func judgeWithoutSource(_ evidence: Evidence) throws(SlipwayError) {
    try signatures.judgeWithoutImage(evidence, object)
    if isRequired, digests.isEmpty, evidence.verdict != .matched {
      throw SlipwayError(
        .digestRequired, "the base of \(object) was never compared with a digest, and the policy requires that", object: object,
        hint: "try again when the image service can be asked")
    }
    guard case .unproven(let missing, _) = try standing(of: evidence), !missing.isEmpty else { return }
    throw SlipwayError(
      .digestRequired, "nothing is known about \(missing.map(\.algorithm.rawValue).joined(separator: ", ")) of the base of \(object)",
      object: object, hint: "try again when the image service can be asked")
  }
}

extension ResolvedImage {
  /// What is demanded of its bytes under a configuration. Throws `usage` for what is no certificate's id.
  func demand(_ configuration: Configuration) throws(SlipwayError) -> Demand {
    var signatures = try SignatureDemand(configuration.trust, trusted: trusted)
    signatures.signature = signature
    return Demand(digests: expectations, isRequired: configuration.trust.digest == .required, object: key, signatures: signatures)
  }
}

extension Agent {
  /// A clone moves no bytes, so that a digest asked for with the request can only be held against the image service's word.
  static func judgeClone(_ image: ResolvedImage) throws(SlipwayError) {
    guard let digest = image.digest, digest != image.description.digest else { return }
    throw SlipwayError(
      .digestRequired, "a clone reads no bytes, so nothing would compare image \(image.key) with \(digest)", object: image.key,
      hint: "leave --digest out, or use --target qcow2 or raw")
  }
}
