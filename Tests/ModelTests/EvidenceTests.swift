import Foundation
import Model
import Testing

@Suite struct EvidenceTests {
  @Test("evidence of a version that knew neither inspection nor policy still reads")
  func older() throws {
    let text = """
      {"digest":"matched","computed":{"algorithm":"md5","hex":"d41d8cd98f00b204e9800998ecf8427e"},"expected_from":"checksum",\
      "source_size":3,"inspected_format":"raw","verified_at":"2026-01-01T00:00:00Z"}
      """
    let computed = try JSONEncoder().encode(try Digest(parsing: "md5:d41d8cd98f00b204e9800998ecf8427e"))
    let json = text.replacing(
      #"{"algorithm":"md5","hex":"d41d8cd98f00b204e9800998ecf8427e"}"#, with: String(decoding: computed, as: UTF8.self))
    let evidence = try JSONDecoder().decode(Evidence.self, from: Data(json.utf8))
    #expect(evidence.verdict == .matched && evidence.signatures == nil)
    #expect(evidence.inspected == nil && evidence.inspection == nil && evidence.policy == nil && evidence.verifiedBy == nil)
  }

  @Test("evidence reads back as it was, and an older version, which knows less, can read it too")
  func roundTrip() throws {
    let evidence = Evidence(
      verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(3), inspectedFormat: "raw",
      verifiedAt: "2026-01-01T00:00:00Z", inspectedVirtualSize: ByteCount(7), inspection: .accepted,
      policy: PolicyEvidence(rule: "r", owner: "o", stores: ["s"], signature: .required, digest: .ifPresent, clone: .verifyAll),
      verifiedBy: ProgramVersion.program)
    let bytes = try JSONEncoder().encode(evidence)
    #expect(try JSONDecoder().decode(Evidence.self, from: bytes) == evidence)
    struct Older: Decodable {
      var digest: String
      var format: String

      enum CodingKeys: String, CodingKey {
        case digest
        case format = "inspected_format"
      }
    }
    #expect(try JSONDecoder().decode(Older.self, from: bytes).format == "raw")
  }

  @Test("the words of demands are in the order of severity")
  func severity() {
    #expect(SignatureRequirement.off < .ifPresent && SignatureRequirement.ifPresent < .required)
    #expect(CloneVerification.trust < .verifySigned && CloneVerification.verifySigned < .verifyAll)
    #expect(DigestRequirement.ifPresent < .required && !(DigestRequirement.required < .required))
  }
}
