import Crypto
import Foundation
import ImageTrust
import Logging
import Model
import Runtime
import Testing

/// Certificates in memory; what is not there is missing, or cannot be asked for.
struct Certificates: CertificateSource {
  var pem: [String: [UInt8]] = [:]
  var isDown = false

  func certificate(_ id: CertificateID, context: RequestContext) async throws -> Certificate {
    if let bytes = pem[id.text] { return try Certificate.named(id, pem: bytes, from: "the test") }
    throw SlipwayError(isDown ? .certificateServiceUnavailable : .certificateUnusable, "no certificate \(id)")
  }
}

let quiet = RequestContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, deadline: .after(.seconds(50)))

/// An image's properties.
func properties(_ signature: [UInt8], _ hash: String, _ type: String, _ id: String = "leaf") -> [String: String] {
  [
    "img_signature": Data(signature).base64EncodedString(), "img_signature_hash_method": hash, "img_signature_key_type": type,
    "img_signature_certificate_uuid": id,
  ]
}

/// What becomes of a signed image: nil when it is good, else the error's code.
func verdict(
  _ properties: [String: String], over file: [UInt8], _ certificates: Certificates, trusted: [String] = [], keys: KeyPolicy = KeyPolicy(),
  now: Int64? = nil
) async throws -> ErrorCode? {
  do {
    _ = try await evidence(properties, over: file, certificates, trusted: trusted, keys: keys, now: now)
    return nil
  } catch let error as SlipwayError {
    return error.code
  }
}

func evidence(
  _ properties: [String: String], over file: [UInt8], _ certificates: Certificates, trusted: [String] = [], keys: KeyPolicy = KeyPolicy(),
  now: Int64? = nil
) async throws -> SignatureEvidence? {
  guard let signature = try ImageSignature.parse(properties, of: "test") else { return nil }
  let verifier = try await SignatureVerifier.prepare(
    signature, of: "test", from: certificates, trusted: try CertificateID.trusted(trusted), keys: keys, now: now, context: quiet)
  return try verifier.judge(try Digest.of(file, verifier.algorithm))
}

/// Everything that runs `openssl`, one test at a time: each waits for its child on a thread that other tests need.
@Suite(.serialized) enum OpenSSLTests {}
