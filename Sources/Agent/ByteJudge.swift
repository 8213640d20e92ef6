internal import ImageFormats
internal import Crypto
internal import ImageTrust
internal import Model
internal import Runtime
internal import Transports

/// Judges an image's stored bytes that passed by: size, digests, format, signature.
struct ByteJudge {
  let image: ResolvedImage
  /// Digests that a base which is here already is known by; the bytes must have them too.
  var known: [Digest] = []
  /// Signatures that such a base is known to have.
  var signed: [SignatureEvidence] = []
  /// The image's signature, to be judged with the bytes; nil when it has none or it was judged before.
  var verifier: SignatureVerifier?
  let context: RequestContext

  /// Every digest that the stored bytes must have, with who says so.
  private var expectations: [(digest: Digest, from: String)] {
    let demanded = image.compared
    return demanded + known.filter { known in !demanded.contains { $0.digest == known } }.map { ($0, "the base that is here") }
  }

  /// Who must see the bytes in order that they can be judged.
  func observers() throws -> (InspectionObserver, [DigestObserver]) {
    var algorithms = Set(expectations.map(\.digest.algorithm))
    if let verifier { algorithms.insert(verifier.algorithm) }
    // Still being hashed there: ours is kept, to be compared once theirs is known.
    if image.description.digestPending, algorithms.isEmpty { algorithms.insert(.sha512) }
    if let id = image.description.id, algorithms.isEmpty || !algorithms.contains(where: \.isStrong) {
      context.log(.debug, "no strong digest to compare with; taking one", ["image": id.text])
      algorithms.insert(.sha256)
    }
    let digests = try algorithms.sorted { $0.rawValue < $1.rawValue }.map { try DigestObserver($0) }
    return (try image.inspection(), digests)
  }

  /// The verdict on `stored` bytes that those observers saw; `from` ends the sentence "the bytes …".
  ///
  /// Throws `size_mismatch`, `digest_mismatch`, `format_mismatch`, `format_refused`, `signature_mismatch`.
  func verdict(stored: Int64, digests: [DigestObserver], inspection: InspectionObserver, from: String) throws -> Evidence {
    context.progress(Progress(phase: .verifying, position: stored, total: stored))
    if let size = image.description.size?.bytes, size != stored {
      throw SlipwayError(
        .sizeMismatch, "image \(image.key) has \(size) bytes, \(stored) came\(from)", object: image.key,
        hint: "nothing was kept; upload the image again")
    }
    var computed: [DigestAlgorithm: Digest] = [:]
    for digest in try digests.map({ try $0.result() }) { computed[digest.algorithm] = digest }
    let expectations = expectations
    for (expected, says) in expectations where computed[expected.algorithm] != expected {
      throw SlipwayError(
        .digestMismatch,
        "the bytes of image \(image.key)\(from) have \(computed[expected.algorithm]?.description ?? "no digest"), \(says) says \(expected)",
        object: image.key, hint: "nothing was kept; compare the image with its original and upload it again")
    }
    let inspected = try inspection.result()
    try image.rule.judge(InspectedBytes(inspected), of: image.key)
    let verdict: Evidence.DigestVerdict = expectations.isEmpty ? (image.description.digestPending ? .pending : .none) : .matched
    let best = expectations.first { $0.digest.algorithm.isStrong } ?? expectations.first
    let kept = best?.digest ?? computed.values.max { $0.algorithm.length < $1.algorithm.length }
    let others = computed.values.filter { $0 != kept }.sorted { $0.algorithm.rawValue < $1.algorithm.rawValue }
    let evidence = Evidence(
      verdict: verdict, computed: kept, also: others.isEmpty ? nil : others, expected: best?.digest, expectedFrom: best?.from,
      sourceSize: ByteCount(stored), inspected, signatures: signed.isEmpty ? nil : signed,
      policy: image.rule.evidence)
    guard let verifier else { return evidence }
    guard let digest = computed[verifier.algorithm] else { throw SlipwayError(.internalError, "nothing was hashed for the signature") }
    return evidence.adding(try verifier.judge(digest))
  }
}
