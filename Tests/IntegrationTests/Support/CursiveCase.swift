import Model
import Testing

/// A signed image, and what cursive and we say of it.
struct CursiveCase: Sendable, CustomTestStringConvertible {
  /// What cursive says: verified, one of its two errors, any other exception, or nothing at all.
  enum Verdict: String, Sendable { case ok, refused, crashed, hangs }

  let name: String
  let theirs: Verdict
  /// Nil when it is verified.
  let ours: ErrorCode?
  /// `NAME.key`, that signs.
  var signer = "rsa"
  var hash = "SHA-256"
  var type = "RSA-PSS"
  /// Options of `openssl dgst` instead of those that are usual for the key.
  var options: String?
  /// The hash that is signed, where it is not `hash`.
  var signedHash: String?
  /// The secret that the image names; the signer's own certificate unless said.
  var secret: String?
  /// The file that is judged; `image` is signed.
  var file = "image"
  /// Properties as the image has them where they are not the usual ones; nil for one that is not there.
  var properties: [String: String?] = [:]
  /// The signature's bytes, and their base64.
  var bytes: @Sendable ([UInt8]) -> [UInt8] = { $0 }
  var text: @Sendable (String) -> String = { $0 }
  /// Secrets that the caller trusts; none asks for no chain.
  var trusted: [String] = []

  var testDescription: String { name }

  init(_ name: String, _ theirs: Verdict, _ ours: ErrorCode?, _ change: (inout CursiveCase) -> Void = { _ in }) {
    (self.name, self.theirs, self.ours) = (name, theirs, ours)
    change(&self)
  }

  /// A chain: an image that a P-384 key signed, whose certificate is `leaf`.
  static func chain(_ name: String, _ theirs: Verdict, _ ours: ErrorCode?, _ leaf: String, _ trusted: String...) -> CursiveCase {
    CursiveCase(name, theirs, ours) {
      ($0.signer, $0.type, $0.secret, $0.trusted) = ("secp384r1", "ECC_SECP384R1", leaf, trusted)
    }
  }

  /// Whether the two say different things: a clean refusal is one only where it is an error that callers expect.
  var differs: Bool { (theirs == .ok) != (ours == nil) || theirs == .crashed || theirs == .hangs }
}

extension CursiveCase {
  static let all = keys + salts + signatures + encodings + properties + certificates + chains + signers

  private static let hashes = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"]
  private static let types = [
    ("rsa", "RSA-PSS"), ("dsa", "DSA"), ("secp384r1", "ECC_SECP384R1"), ("secp521r1", "ECC_SECP521R1"),
  ]

  static let keys: [CursiveCase] =
    types.flatMap { signer, type in
      hashes.map { hash in CursiveCase("\(type) with \(hash)", .ok, nil) { ($0.signer, $0.type, $0.hash) = (signer, type, hash) } }
    }
    + ["sect409k1", "sect571k1", "sect409r1", "sect571r1"].map { curve in
      CursiveCase("a key on \(curve)", .refused, nil) { ($0.signer, $0.type) = (curve, "ECC_" + curve.uppercased()) }
    }
    + [
      CursiveCase("an RSA modulus of 2049 bits", .ok, nil) { $0.signer = "rsa2049" },
      CursiveCase("an RSA key of 1024 bits", .ok, .certificateUnusable) { $0.signer = "rsa1024" },
    ]
    + ["prime256v1", "secp256k1", "secp521r1"].map { curve in
      CursiveCase("a key on \(curve) as ECC_SECP384R1", .ok, .certificateUnusable) { ($0.signer, $0.type) = (curve, "ECC_SECP384R1") }
    }
    + [
      CursiveCase("an RSA key with the exponent 1", .crashed, .certificateUnusable) { $0.secret = "exponent1" },
      CursiveCase("an RSA key as ECC_SECP384R1", .refused, .certificateUnusable) { $0.type = "ECC_SECP384R1" },
      CursiveCase("an RSA key as DSA", .refused, .certificateUnusable) { $0.type = "DSA" },
      CursiveCase("an EC key as RSA-PSS", .refused, .certificateUnusable) { $0.signer = "secp384r1" },
      CursiveCase("a DSA key as RSA-PSS", .refused, .certificateUnusable) { $0.signer = "dsa" },
      CursiveCase("an Ed25519 key as ECC_SECP384R1", .refused, .certificateUnusable) {
        ($0.secret, $0.type) = ("ed25519", "ECC_SECP384R1")
      },
    ]

  static let salts = ["digest", "0", "20", "221"].map { salt in
    CursiveCase("a salt of length \(salt)", .ok, nil) { $0.options = pss + " -sigopt rsa_pss_saltlen:\(salt)" }
  }
  static let pss = "-sigopt rsa_padding_mode:pss"

  static let signatures: [CursiveCase] =
    types.flatMap { signer, type in
      [
        CursiveCase("\(type): a bit of the image", .refused, .signatureMismatch) {
          ($0.signer, $0.type, $0.file) = (signer, type, "flipped")
        },
        CursiveCase("\(type): a bit of the signature", .refused, .signatureMismatch) {
          ($0.signer, $0.type) = (signer, type)
          $0.bytes = { $0.dropLast() + [($0.last ?? 0) ^ 1] }
        },
      ]
    }
    + [
      CursiveCase("an image that is a byte longer", .refused, .signatureMismatch) { $0.file = "longer" },
      CursiveCase("an image that is a byte shorter", .refused, .signatureMismatch) { $0.file = "shorter" },
      CursiveCase("an image without bytes", .refused, .signatureMismatch) { $0.file = "empty" },
      CursiveCase("another hash than said", .refused, .signatureMismatch) { $0.signedHash = "SHA-512" },
      CursiveCase("PKCS#1 v1.5", .refused, .signatureMismatch) { $0.options = "-sigopt rsa_padding_mode:pkcs1" },
      CursiveCase("X9.31", .refused, .signatureMismatch) { $0.options = "-sigopt rsa_padding_mode:x931" },
      CursiveCase("MGF1 over another hash", .refused, .signatureMismatch) { $0.options = pss + " -sigopt rsa_mgf1_md:sha1" },
      CursiveCase("a stranger's signature", .refused, .signatureMismatch) { ($0.signer, $0.secret) = ("stranger", "rsa") },
      CursiveCase("an RSA signature without its last byte", .refused, .signatureMismatch) { $0.bytes = { $0.dropLast() } },
      CursiveCase("an RSA signature with a zero before it", .refused, .signatureMismatch) { $0.bytes = { [0] + $0 } },
      CursiveCase("r and s without DER", .refused, .signatureMismatch) {
        ($0.signer, $0.type) = ("secp384r1", "ECC_SECP384R1")
        $0.bytes = { _ in [UInt8](repeating: 7, count: 96) }
      },
      CursiveCase("DER with a byte behind it", .refused, .signatureMismatch) {
        ($0.signer, $0.type) = ("secp384r1", "ECC_SECP384R1")
        $0.bytes = { $0 + [0] }
      },
      CursiveCase("DER with a length of two bytes", .refused, .signatureMismatch) {
        ($0.signer, $0.type) = ("dsa", "DSA")
        $0.bytes = { [$0[0], 0x81] + $0.dropFirst() }
      },
      CursiveCase("s with its sign turned", .ok, nil) {
        ($0.signer, $0.type, $0.bytes) = ("secp384r1", "ECC_SECP384R1", { DER.turned($0, order: DER.secp384r1) })
      },
    ]

  static let encodings: [CursiveCase] = [
    .init("base64 in lines", .ok, nil) { $0.text = { text in text.prefix(76) + "\r\n" + text.dropFirst(76) + "\n" } },
    .init("base64 with blanks", .ok, nil) { $0.text = { text in " " + text.prefix(5) + "\t " + text.dropFirst(5) } },
    .init("base64 without padding", .refused, .signatureInvalid) { $0.text = { $0.replacing("=", with: "") } },
    .init("base64 of URLs", .refused, .signatureInvalid) {
      $0.text = { "-_" + $0.dropFirst(2).replacing("+", with: "-").replacing("/", with: "_") }
    },
    .init("base64 with other characters in it", .ok, .signatureInvalid) {
      $0.text = { text in text.prefix(9) + "!#\u{7F}" + text.dropFirst(9) }
    },
    .init("base64 with text behind it", .ok, .signatureInvalid) { $0.text = { $0 + "AAAA" } },
    .init("base64 that is not ASCII", .crashed, .signatureInvalid) { $0.text = { $0 + "ä" } },
    .init("an empty signature", .refused, .signatureInvalid) { $0.text = { _ in "" } },
    .init("a signature of one letter", .refused, .signatureInvalid) { $0.text = { _ in "A" } },
    .init("a signature of blanks", .refused, .signatureInvalid) { $0.text = { _ in "  \n" } },
  ]

  static let properties: [CursiveCase] = missing + unknownHashes + unknownTypes

  private static let missing: [CursiveCase] = [
    "img_signature", "img_signature_hash_method", "img_signature_key_type", "img_signature_certificate_uuid",
  ].map { (name: String) -> CursiveCase in CursiveCase("no \(name)", .refused, .signatureInvalid) { $0.properties = [name: nil] } }

  private static let unknownHashes: [CursiveCase] = ["sha-256", "SHA256", "SHA-1", "MD5", "SHA3-256", "SHA-256 "].map {
    (hash: String) -> CursiveCase in
    CursiveCase("hash '\(hash)'", .refused, .signatureUnsupported) { $0.properties = ["img_signature_hash_method": hash] }
  }

  private static let unknownTypes: [CursiveCase] = ["rsa-pss", "RSA", "ECC_SECP256R1", "ECC_secp384r1", "RSA-PSS "].map {
    (type: String) -> CursiveCase in
    CursiveCase("key type '\(type)'", .refused, .signatureUnsupported) { $0.properties = ["img_signature_key_type": type] }
  }
}

/// A DER sequence of two integers, as ECDSA signs.
enum DER {
  /// The order of the curve P-384 (FIPS 186-4 D.1.2.4).
  static let secp384r1: [UInt8] =
    [UInt8](repeating: 0xFF, count: 24) + [
      0xC7, 0x63, 0x4D, 0x81, 0xF4, 0x37, 0x2D, 0xDF, 0x58, 0x1A, 0x0D, 0xB2, 0x48, 0xB0, 0xA7, 0x7A, 0xEC, 0xEC, 0x19, 0x6A, 0xCC, 0xC5,
      0x29, 0x73,
    ]

  /// The same signature with `order - s` for s: as good as the first (SEC 1 section 4.1.4 looks at neither half).
  static func turned(_ signature: [UInt8], order: [UInt8]) -> [UInt8] {
    let r = Array(signature[2..<4 + Int(signature[3])])
    let s = signature[(2 + r.count + 2)...].drop { $0 == 0 }
    let padded = [UInt8](repeating: 0, count: order.count - s.count) + s
    var difference = order
    var borrow = 0
    for index in order.indices.reversed() {
      let value = Int(order[index]) - Int(padded[index]) - borrow
      borrow = value < 0 ? 1 : 0
      difference[index] = UInt8(truncatingIfNeeded: value)
    }
    var digits = Array(difference.drop { $0 == 0 })
    if let first = digits.first, first >= 0x80 { digits.insert(0, at: 0) }
    return [0x30, UInt8(r.count + 2 + digits.count)] + r + [0x02, UInt8(digits.count)] + digits
  }
}
