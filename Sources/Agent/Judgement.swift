internal import Configuration
internal import ImageStore
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
  /// The rule of policy that the rest comes from.
  var rule = EffectiveRule()
  /// The image's `disk_format`, nil where it is not told.
  var format: String?
  /// Size that a guest sees, nil while it is not known.
  var virtualSize: ByteCount?

  /// How a base's evidence stands up to a demand.
  enum Standing: Sendable, Hashable {
    /// It holds all that is demanded.
    case satisfied
    /// These digests were never taken, the signature was never judged as is demanded today, or inspection told less than is asked today: its source
    /// must be verified again.
    case unproven([Digest], signature: Bool = false, inspection: Bool = false)
  }

  /// Throws `digest_mismatch` where two demands can never both be met, `digest_required` where policy wants a digest and there is none to have,
  /// `signature_required` likewise; `format_not_allowed`, `virtual_size_not_allowed` and `key_not_allowed` as far as the image's description tells.
  func judge(isPending: Bool = false) throws(SlipwayError) {
    for (index, one) in digests.enumerated() {
      for other in digests[..<index] where other.digest.algorithm == one.digest.algorithm && other.digest != one.digest {
        throw SlipwayError(
          .digestMismatch, "\(other.from) says that \(object) has \(other.digest), \(one.from) says \(one.digest)", object: object,
          hint: "nothing was moved; compare the two, and leave --digest out if the image service is right")
      }
    }
    try judgeDescription()
    if signatures.isRequired, signatures.signature == nil { throw signatures.missing(object) }
    if let signature = signatures.signature { try rule.judge(signature, of: object) }
    guard isRequired, digests.isEmpty else { return }
    throw SlipwayError(
      .digestRequired, "image \(object) has no digest\(isPending ? " yet" : ""), and the policy requires one", object: object,
      hint: "give --digest ALGORITHM:HEX, or set trust.digest: if-present")
  }

  /// Everything of a base's evidence that today's policy refuses, for who does not stop at the first.
  func refusals(of evidence: Evidence) -> [SlipwayError] {
    var found: [SlipwayError] = []
    func judge(_ body: () throws(SlipwayError) -> Void) {
      do throws(SlipwayError) {
        try body()
      } catch {
        if !found.contains(where: { $0.code == error.code }) { found.append(error) }
      }
    }
    if let format { judge { () throws(SlipwayError) in try rule.judge(format: format, of: object) } }
    if let virtualSize { judge { () throws(SlipwayError) in try rule.judge(virtualSize: virtualSize, of: object) } }
    if let inspection = evidence.inspected { judge { () throws(SlipwayError) in try rule.judge(inspection, of: object) } }
    judge { () throws(SlipwayError) in try signatures.judgeWithoutImage(evidence, object) }
    judge { () throws(SlipwayError) in try judgeWithoutSource(evidence) }
    return found
  }

  private func judgeDescription() throws(SlipwayError) {
    if let format { try rule.judge(format: format, of: object) }
    if let virtualSize { try rule.judge(virtualSize: virtualSize, of: object) }
  }

  /// Holds the evidence of a base that is here against the demand: no base is handed out on less than is asked for today.
  ///
  /// Throws `digest_mismatch` where the base has another digest than the one demanded, `format_not_allowed` and `virtual_size_not_allowed` where
  /// inspection found what today's policy does not allow.
  func standing(of evidence: Evidence) throws(SlipwayError) -> Standing {
    if let inspection = evidence.inspected { try rule.judge(inspection, of: object) }
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
    let isUntold = !rule.isTold(by: evidence.inspected, format: evidence.inspectedFormat)
    guard !unproven.isEmpty || isUnsigned || isUntold else { return .satisfied }
    return .unproven(unproven, signature: isUnsigned, inspection: isUntold)
  }

  /// As above, for a base as it is kept.
  func standing(of record: BaseRecord) throws(SlipwayError) -> Standing {
    try rule.judge(virtualSize: record.virtualSize, of: object)
    return try standing(of: record.evidence)
  }

  /// As `standing`, for a base that serves although its source cannot be asked: what is not proved is refused.
  ///
  /// Throws `digest_required`, `signature_required`, `digest_mismatch`, `format_not_allowed` and `virtual_size_not_allowed`.
  func judgeWithoutSource(_ evidence: Evidence) throws(SlipwayError) {
    try judgeDescription()
    try signatures.judgeWithoutImage(evidence, object)
    let isCovered = rule.demands.signatureCoversDigest && !signatures.isOff && evidence.signatures?.isEmpty == false
    if isRequired, digests.isEmpty, evidence.verdict != .matched, !isCovered {
      throw SlipwayError(
        .digestRequired, "the base of \(object) was never compared with a digest, and the policy requires that", object: object,
        hint: "try again when the image service can be asked")
    }
    guard case .unproven(let missing, _, let isUntold) = try standing(of: evidence) else { return }
    if isUntold {
      throw SlipwayError(
        .formatNotAllowed,
        "nothing is known about which kind of \(evidence.inspectedFormat) the base of \(object) was made from, and policy asks",
        object: object, hint: "try again when the image service can be asked")
    }
    guard !missing.isEmpty else { return }
    throw SlipwayError(
      .digestRequired, "nothing is known about \(missing.map(\.algorithm.rawValue).joined(separator: ", ")) of the base of \(object)",
      object: object, hint: "try again when the image service can be asked")
  }
}

extension ResolvedImage {
  /// What is demanded of its bytes under a configuration. Throws `usage` for what is no certificate's id.
  func demand(_ configuration: Configuration) throws(SlipwayError) -> Demand {
    var signatures = try SignatureDemand(rule, configured: configuration.trust.trusted, trusted: trusted)
    signatures.signature = signature
    return Demand(
      digests: compared, isRequired: rule.demands.digest == .required && !isCovered, object: key, signatures: signatures, rule: rule,
      format: description.diskFormat, virtualSize: description.knownVirtualSize)
  }
}

extension Agent {
  /// What is demanded of a base that is here and whose image cannot be asked: by the rule for the image that its evidence is about.
  func demand(of record: BaseRecord, digest: Digest? = nil, trusted: [String] = [], object: String) throws(SlipwayError) -> Demand {
    let rule = rule(of: record)
    return Demand(
      digests: digest.map { [($0, "the request")] } ?? [], isRequired: rule.demands.digest == .required, object: object,
      signatures: try SignatureDemand(rule, configured: configuration.trust.trusted, trusted: trusted), rule: rule,
      format: record.evidence.inspectedFormat, virtualSize: record.virtualSize)
  }

  /// Today's rule for the image that a base's evidence is about.
  func rule(of record: BaseRecord) -> EffectiveRule {
    policy.effective(owner: record.evidence.policy?.owner ?? record.identity.owner, stores: record.evidence.policy?.stores ?? [])
  }

  /// A clone moves no bytes, so that a digest asked for with the request can only be held against the image service's word.
  static func judgeClone(_ image: ResolvedImage) throws(SlipwayError) {
    guard let digest = image.digest, digest != image.description.digest else { return }
    throw SlipwayError(
      .digestRequired, "a clone reads no bytes, so nothing would compare image \(image.key) with \(digest)", object: image.key,
      hint: "leave --digest out, or use --target qcow2 or raw")
  }
}
