import Foundation
import ImageTrust
import Model
import Testing

/// What an image says of its signature.
@Suite struct PropertyTests {
  static let good = [
    "img_signature": "AQID", "img_signature_hash_method": "SHA-256", "img_signature_key_type": "RSA-PSS",
    "img_signature_certificate_uuid": "2f2bdc48-0b4b-4d7c-9a51-4c1a4c1c7f4b",
  ]

  private func code(_ changes: [String: String], without missing: String? = nil) -> ErrorCode? {
    var properties = Self.good
    for (key, value) in changes { properties[key] = value }
    if let missing { properties[missing] = nil }
    do throws(SlipwayError) {
      _ = try ImageSignature.parse(properties, of: "test")
      return nil
    } catch {
      return error.code
    }
  }

  @Test func noneMeansUnsigned() throws { #expect(try ImageSignature.parse([:], of: "test") == nil) }

  @Test(arguments: ImageSignature.properties) func oneThatIsMissingOrEmptyIsAnError(name: String) throws {
    #expect(code([:], without: name) == .signatureInvalid)
    #expect(code([name: ""]) == .signatureInvalid)
    // Alone, too; and one that nobody knows.
    #expect(throws: SlipwayError.self) { try ImageSignature.parse([name: Self.good[name] ?? ""], of: "test") }
    #expect(throws: SlipwayError.self) { try ImageSignature.parse(["img_signature_more": "1"], of: "test") }
  }

  @Test(arguments: ["sha-256", "SHA256", "SHA-1", "MD5", "SHA3-256", "SHA-256 ", "SHA-512/256"]) func anUnknownHashIsRefused(text: String) {
    #expect(code(["img_signature_hash_method": text]) == .signatureUnsupported)
  }

  @Test(arguments: ["rsa-pss", "RSA", "ECC_SECP256R1", "ECC_secp384r1", "ED25519"]) func anUnknownKeyTypeIsRefused(text: String) {
    #expect(code(["img_signature_key_type": text]) == .signatureUnsupported)
  }

  @Test(arguments: ["../etc/passwd", "a/b", "a b", "ä", "%2e%2e", String(repeating: "a", count: 65), ".", "a?b"])
  func whatIsNoCertificateIDIsRefused(text: String) {
    #expect(code(["img_signature_certificate_uuid": text]) == .signatureInvalid)
  }

  @Test(arguments: [
    "AQI", "AQI==", "A", "====", "=", "AQ==AQ==", "AQID!", "AQID-_==", "AQ-_", "AQID\u{0}", "ÄQID", "AQ=D", "AQIDBA===", "   ",
  ])
  func whatIsNoBase64IsRefused(text: String) {
    #expect(code(["img_signature": text]) == .signatureInvalid)
  }

  @Test func tooMuchBase64IsRefused() { #expect(code(["img_signature": String(repeating: "A", count: 20000)]) == .signatureInvalid) }

  @Test func wrappedBase64IsRead() throws {
    for count in 1...200 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
      let wrapped = Data(bytes).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed]) + "\n"
      var properties = Self.good
      properties["img_signature"] = wrapped
      #expect(try ImageSignature.parse(properties, of: "test")?.bytes == bytes)
    }
  }
}
