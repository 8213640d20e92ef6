internal import COpenSSL
public import Model

/// A public key of a certificate. Implements `EVP_PKEY_verify` over digests that were taken elsewhere.
public final class PublicKey: Sendable {
  /// What kind of key it is, as far as signatures are concerned.
  public enum Kind: Sendable, Hashable {
    case rsa
    case dsa
    /// On a named curve, by OpenSSL's name of it (`secp384r1`).
    case ec(curve: String)
    /// Anything else, by OpenSSL's name (`ED25519`).
    case other(String)
  }

  /// How an RSA signature was padded; other keys have one way only.
  public enum Scheme: Sendable, Hashable {
    /// RSASSA-PSS (RFC 8017 section 8.1) with MGF1 over the same hash; a salt of any length.
    case pss
    /// DSA or ECDSA, a DER sequence of two integers.
    case dss
  }

  /// The kind.
  public let kind: Kind
  /// Size in bits: of the modulus, of p, or of the curve's order.
  public let bits: Int
  // Sendable by proof: the key is complete when it comes here and only read afterwards, which OpenSSL allows from any thread; freed once, in deinit.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// Takes over one reference to `pointer`.
  init(taking pointer: OpaquePointer) {
    self.pointer = pointer
    bits = Int(EVP_PKEY_get_bits(pointer))
    kind = Self.kind(of: pointer)
    ERR_clear_error()
  }

  deinit { EVP_PKEY_free(pointer) }

  private static func kind(of key: OpaquePointer) -> Kind {
    if EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1 { return .rsa }
    if EVP_PKEY_is_a(key, "DSA") == 1 { return .dsa }
    if EVP_PKEY_is_a(key, "EC") == 1 {
      var name = [CChar](repeating: 0, count: 128)
      var length = 0
      guard EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else { return .other("EC without a named curve") }
      return .ec(curve: String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return .other(EVP_PKEY_get0_type_name(key).map { String(cString: $0) } ?? "unknown")
  }

  /// Why a key proves nothing, nil when it may: an RSA exponent that is even or 1 (RFC 8017 section 3.1). With 1 a signature needs no private key, and
  /// OpenSSL takes it.
  static func weakness(of key: OpaquePointer) -> String? {
    guard EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1 else { return nil }
    var exponent: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, "e", &exponent) == 1, let exponent else { return "its RSA key has no exponent" }
    defer { BN_free(exponent) }
    return BN_is_odd(exponent) == 1 && BN_num_bits(exponent) >= 2 ? nil : "its RSA key has an even exponent, or 1"
  }

  /// Whether `signature` is one of this key over bytes with `digest`. A signature that is malformed is none. Throws `signature_unsupported` when this
  /// host's OpenSSL cannot do it at all.
  public func verifies(_ signature: [UInt8], of digest: Digest, scheme: Scheme) throws(SlipwayError) -> Bool {
    // RFC 8017 section 8.1.2 step 1: exactly as long as the modulus.
    if scheme == .pss, signature.count != (bits + 7) / 8 { return false }
    guard !signature.isEmpty else { return false }
    guard let type = EVP_MD_fetch(nil, StreamingDigest.name(digest.algorithm), nil) else { throw unsupported(digest.algorithm) }
    defer { EVP_MD_free(type) }
    guard let context = EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else { throw unsupported(digest.algorithm) }
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_verify_init(context) == 1 else { throw unsupported(digest.algorithm) }
    if scheme == .pss {
      guard EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 else { throw unsupported(digest.algorithm) }
    }
    guard EVP_PKEY_CTX_set_signature_md(context, type) == 1 else { throw unsupported(digest.algorithm) }
    if scheme == .pss {
      guard EVP_PKEY_CTX_set_rsa_mgf1_md(context, type) == 1,
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_AUTO) == 1
      else { throw unsupported(digest.algorithm) }
    }
    let bytes = digest.bytes
    let code = EVP_PKEY_verify(context, signature, signature.count, bytes, bytes.count)
    ERR_clear_error()
    return code == 1
  }

  private func unsupported(_ algorithm: DigestAlgorithm) -> SlipwayError {
    SlipwayError(
      .signatureUnsupported, "this host's OpenSSL verifies no \(algorithm.rawValue) signature of such a key\(OpenSSLErrors.take())",
      hint: "see the host's crypto policy")
  }
}
