internal import COpenSSL
internal import Glibc
public import Model

/// An X.509 certificate (RFC 5280): what verifying an image needs of it, read once.
public final class Certificate: Sendable {
  /// The most bytes that a certificate may have as PEM, text around it included.
  public static let limit = 65536

  /// SHA-256 of the DER form.
  public let fingerprint: Digest
  /// Subject and issuer, for people (RFC 2253).
  public let subject: String
  public let issuer: String
  /// From when and until when it is valid, seconds since 1970.
  public let notBefore: Int64
  public let notAfter: Int64
  /// Whether it has BasicConstraints that say CA.
  public let isCA: Bool
  /// Whether it has a KeyUsage that says keyCertSign.
  public let signsCertificates: Bool
  /// How many certificates may lie between it and the last one; nil for any number.
  public let pathLength: Int?
  /// Whether an extension is malformed, or critical and unknown.
  public let hasUnusableExtensions: Bool
  /// How it was signed: by PKCS#1 v1.5, DSA or ECDSA with a SHA-2 digest; false for anything else.
  public let hasCommonSignature: Bool
  /// Its key.
  public let key: PublicKey
  // Sendable by proof: everything that OpenSSL works out lazily was asked for in init; afterwards it is only read. Freed once, in deinit.
  private nonisolated(unsafe) let pointer: OpaquePointer

  /// Reads the first PEM block of `bytes`, which must be a certificate; text before and blocks after it are ignored.
  ///
  /// Throws `certificate_unusable` with the reason.
  public init(pem bytes: [UInt8]) throws(SlipwayError) {
    let der = try Self.firstBlock(bytes)
    var end: UnsafePointer<UInt8>?
    let parsed = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
      end = buffer.baseAddress
      guard let start = buffer.baseAddress, let found = d2i_X509(nil, &end, buffer.count) else { return nil }
      guard end == start + buffer.count else {
        X509_free(found)
        return nil
      }
      return found
    }
    guard let pointer = parsed else { throw Self.unusable("its PEM block holds no certificate\(OpenSSLErrors.take())") }
    guard let key = X509_get_pubkey(pointer) else {
      X509_free(pointer)
      throw Self.unusable("its public key cannot be read\(OpenSSLErrors.take())")
    }
    if let reason = PublicKey.weakness(of: key) {
      EVP_PKEY_free(key)
      X509_free(pointer)
      throw Self.unusable(reason)
    }
    guard let start = Self.seconds(X509_get0_notBefore(pointer)), let stop = Self.seconds(X509_get0_notAfter(pointer)),
      let digest = Self.digest(pointer)
    else {
      EVP_PKEY_free(key)
      X509_free(pointer)
      throw Self.unusable("its dates cannot be read\(OpenSSLErrors.take())")
    }
    (notBefore, notAfter, fingerprint) = (start, stop, digest)
    subject = Self.text(X509_get_subject_name(pointer))
    issuer = Self.text(X509_get_issuer_name(pointer))
    let flags = X509_get_extension_flags(pointer)
    hasUnusableExtensions = flags & UInt32(EXFLAG_INVALID | EXFLAG_CRITICAL) != 0
    isCA = flags & UInt32(EXFLAG_BCONS) != 0 && flags & UInt32(EXFLAG_CA) != 0
    signsCertificates = flags & UInt32(EXFLAG_KUSAGE) != 0 && X509_get_key_usage(pointer) & UInt32(KU_KEY_CERT_SIGN) != 0
    let length = X509_get_pathlen(pointer)
    pathLength = length < 0 ? nil : length
    hasCommonSignature = Self.isCommon(pointer)
    self.key = PublicKey(taking: key)
    self.pointer = pointer
    ERR_clear_error()
  }

  deinit { X509_free(pointer) }

  /// Whether its issuer's name is the subject of `other`.
  public func namesAsIssuer(_ other: Certificate) -> Bool {
    X509_NAME_cmp(X509_get_issuer_name(pointer), X509_get_subject_name(other.pointer)) == 0
  }

  /// Whether `other`'s key signed it; names, dates and purposes are not looked at. Implements `X509_verify`.
  public func isSigned(by other: Certificate) -> Bool {
    let code = X509_verify(pointer, other.key.pointer)
    ERR_clear_error()
    return code == 1
  }

  // MARK: Reading

  private static func firstBlock(_ bytes: [UInt8]) throws(SlipwayError) -> [UInt8] {
    guard !bytes.isEmpty else { throw unusable("it is empty") }
    guard bytes.count <= limit else { throw unusable("it has more than \(limit) bytes") }
    var label = ""
    var header = ""
    // The BIO borrows the bytes, so it lives within this call.
    let found = bytes.withUnsafeBytes { buffer -> [UInt8]? in
      guard let memory = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { return nil }
      defer { BIO_free(memory) }
      var name: UnsafeMutablePointer<CChar>?
      var head: UnsafeMutablePointer<CChar>?
      var data: UnsafeMutablePointer<UInt8>?
      var count = 0
      guard PEM_read_bio(memory, &name, &head, &data, &count) == 1 else { return nil }
      defer {
        CRYPTO_free(name, nil, 0)
        CRYPTO_free(head, nil, 0)
        CRYPTO_free(data, nil, 0)
      }
      label = name.map { String(cString: $0) } ?? ""
      header = head.map { String(cString: $0) } ?? ""
      return Array(UnsafeBufferPointer(start: data, count: count))
    }
    ERR_clear_error()
    guard let found else { throw unusable("it holds no PEM block") }
    guard label == "CERTIFICATE" || label == "X509 CERTIFICATE" else {
      throw unusable("its first PEM block is no certificate but '\(label.prefix(40))'")
    }
    guard header.isEmpty else { throw unusable("its PEM block has headers, as encrypted ones do") }
    return found
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    var parts = tm()
    guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
    return Int64(timegm(&parts))
  }

  private static func digest(_ certificate: OpaquePointer) -> Digest? {
    guard let type = EVP_MD_fetch(nil, "SHA2-256", nil) else { return nil }
    defer { EVP_MD_free(type) }
    var bytes = [UInt8](repeating: 0, count: 64)
    var length: UInt32 = 0
    guard X509_digest(certificate, type, &bytes, &length) == 1 else { return nil }
    return Digest(.sha256, bytes: Array(bytes.prefix(Int(length))))
  }

  private static func text(_ name: OpaquePointer?) -> String {
    guard let name, let memory = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(memory) }
    guard X509_NAME_print_ex(memory, name, 0, slipway_XN_FLAG_RFC2253()) >= 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = BIO_read(memory, &bytes, Int32(bytes.count))
    return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
  }

  private static func isCommon(_ certificate: OpaquePointer) -> Bool {
    var digest: Int32 = 0
    var key: Int32 = 0
    guard X509_get_signature_info(certificate, &digest, &key, nil, nil) == 1 else { return false }
    return [NID_rsaEncryption, NID_dsa, NID_X9_62_id_ecPublicKey].contains(key)
      && [NID_sha224, NID_sha256, NID_sha384, NID_sha512].contains(digest)
  }

  private static func unusable(_ reason: String) -> SlipwayError { SlipwayError(.certificateUnusable, reason) }
}
