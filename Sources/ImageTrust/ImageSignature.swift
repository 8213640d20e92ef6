internal import Crypto
public import Model

/// The signature of an image, as its four properties describe it (cursive's `img_signature…`).
public struct ImageSignature: Sendable, Hashable {
  /// The signature's bytes.
  public let bytes: [UInt8]
  /// The hash over the stored bytes.
  public let hash: SignatureHash
  /// The kind of key.
  public let keyType: SignatureKeyType
  /// The certificate of that key.
  public let certificate: CertificateID
  /// SHA-256 of `bytes`: which signature it is.
  public let digest: Digest

  /// Everything that an image may say of its signature. All four or none.
  public static let properties = [
    "img_signature", "img_signature_certificate_uuid", "img_signature_hash_method", "img_signature_key_type",
  ]

  /// Reads an image's properties that begin with `img_signature`; nil when it has none, and so is not signed. `label` is the image in a sentence.
  ///
  /// Throws `signature_invalid` for an incomplete or malformed set: an image that has any of them is never taken for unsigned. Throws
  /// `signature_unsupported` for a hash or key type that is none of ours.
  public static func parse(_ properties: [String: String], of label: String) throws(SlipwayError) -> ImageSignature? {
    guard !properties.isEmpty else { return nil }
    func refused(_ code: ErrorCode, _ reason: String) -> SlipwayError {
      SlipwayError(
        code, "image \(label) is signed, but \(reason)", object: label,
        hint: "an image with a signature is never passed as unsigned: sign it again, and set all four properties")
    }
    func property(_ name: String) throws(SlipwayError) -> String {
      guard let value = properties[name], !value.isEmpty else { throw refused(.signatureInvalid, "its property \(name) is missing") }
      return value
    }
    let encoded = try property("img_signature")
    let method = try property("img_signature_hash_method")
    let type = try property("img_signature_key_type")
    let id = try property("img_signature_certificate_uuid")
    guard let hash = SignatureHash(rawValue: method) else {
      let known = SignatureHash.allCases.map(\.rawValue).joined(separator: ", ")
      throw refused(.signatureUnsupported, "img_signature_hash_method '\(method.prefix(40))' is none of \(known)")
    }
    guard let keyType = SignatureKeyType(rawValue: type) else {
      let known = SignatureKeyType.allCases.map(\.rawValue).joined(separator: ", ")
      throw refused(.signatureUnsupported, "img_signature_key_type '\(type.prefix(40))' is none of \(known)")
    }
    guard let certificate = CertificateID(id) else {
      throw refused(.signatureInvalid, "img_signature_certificate_uuid '\(id.prefix(80))' is no id")
    }
    // 16384 bits of RSA are 2732 characters.
    guard encoded.utf8.count <= 16384, let bytes = Base64.decode(encoded), !bytes.isEmpty else {
      throw refused(.signatureInvalid, "img_signature is no base64 (standard alphabet, padded)")
    }
    return ImageSignature(
      bytes: bytes, hash: hash, keyType: keyType, certificate: certificate, digest: try Digest.of(bytes, .sha256))
  }

  /// Whether `evidence` is about this very signature.
  public func isMeant(by evidence: SignatureEvidence) -> Bool {
    evidence.signature == digest && evidence.hash == hash.rawValue && evidence.keyType == keyType.rawValue
      && evidence.certificate.id == certificate.text
  }
}
