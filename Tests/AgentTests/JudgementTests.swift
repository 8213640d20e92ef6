import Foundation
import Crypto
import ImageStore
import Model
import Testing

@testable import Agent

@Suite struct JudgementTests {
  static func digest(_ byte: UInt8, _ algorithm: DigestAlgorithm) throws -> Digest { try Digest.of([byte], algorithm) }

  static func evidence(_ computed: Digest?, also: [Digest]? = nil, _ verdict: Evidence.DigestVerdict = .matched) -> Evidence {
    Evidence(
      verdict: verdict, computed: computed, also: also, expected: computed, expectedFrom: nil, sourceSize: ByteCount(1),
      inspectedFormat: "raw", verifiedAt: "2026-01-01T00:00:00Z")
  }

  func demand(_ digests: [Digest], required: Bool = false) -> Demand {
    Demand(digests: digests.map { ($0, "a test") }, isRequired: required, object: "it")
  }

  @Test func whatWasComparedSatisfies() throws {
    let digest = try Self.digest(1, .sha256)
    #expect(try demand([digest]).standing(of: Self.evidence(digest)) == .satisfied)
    #expect(try demand([]).standing(of: Self.evidence(nil, .none)) == .satisfied)
  }

  @Test func aDigestOfAnotherAlgorithmIsUnproven() throws {
    let (known, wanted) = (try Self.digest(1, .sha256), try Self.digest(1, .sha512))
    #expect(try demand([wanted]).standing(of: Self.evidence(known)) == .unproven([wanted]))
    #expect(try demand([wanted]).standing(of: Self.evidence(known, also: [wanted])) == .satisfied)
    #expect(try demand([wanted]).standing(of: Self.evidence(nil)) == .unproven([wanted]))
  }

  @Test func anotherValueIsAMismatchWhereverItIsKnown() throws {
    let (known, other, wanted) = (try Self.digest(1, .sha256), try Self.digest(1, .md5), try Self.digest(2, .md5))
    let error = #expect(throws: SlipwayError.self) { _ = try demand([known, wanted]).standing(of: Self.evidence(known, also: [other])) }
    #expect(error?.code == .digestMismatch)
  }

  @Test func twoDemandsThatContradictEachOtherAreRefused() throws {
    let error = #expect(throws: SlipwayError.self) { try demand([Self.digest(1, .md5), Self.digest(2, .md5)]).judge() }
    #expect(error?.code == .digestMismatch)
    try demand([Self.digest(1, .md5), Self.digest(1, .sha1)]).judge()
  }

  @Test func whereOneIsRequiredNoneIsRefused() throws {
    #expect(#expect(throws: SlipwayError.self) { try demand([], required: true).judge() }?.code == .digestRequired)
    try demand([Self.digest(1, .md5)], required: true).judge()
    let unknown = demand([], required: true)
    for verdict in [Evidence.DigestVerdict.none, .pending] {
      let error = #expect(throws: SlipwayError.self) { try unknown.judgeWithoutSource(Self.evidence(Self.digest(1, .sha256), verdict)) }
      #expect(error?.code == .digestRequired)
    }
    try unknown.judgeWithoutSource(Self.evidence(Self.digest(1, .sha256)))
  }

  static func image(_ digest: Digest?, checksum: Digest? = nil, asked: Digest? = nil) -> ResolvedImage {
    ResolvedImage(
      description: ImageDescription(id: Bed.id, diskFormat: "raw", digest: digest, checksum: checksum), typed: false, digest: asked)
  }

  @Test func md5CountsOnlyWhereThereIsNothingBetter() throws {
    let (strong, weak) = (try Self.digest(1, .sha512), try Self.digest(1, .md5))
    #expect(Self.image(strong, checksum: weak).expectations.map(\.digest) == [strong])
    #expect(Self.image(nil, checksum: weak).expectations.map(\.digest) == [weak])
    #expect(Self.image(nil, checksum: weak, asked: strong).expectations.map(\.digest) == [strong])
    let other = try Self.digest(2, .md5)
    #expect(Self.image(nil, checksum: weak, asked: other).expectations.map(\.digest) == [other, weak], "neither is forgotten")
  }

  @Test(arguments: [
    (ImageStatus.active, ErrorCode?.none), (.deactivated, .imageDeactivated), (.killed, .imageUnusable), (.deleted, .imageDeleted),
    (.pendingDelete, .imageDeleted), (.queued, .imageNotReady), (.saving, .imageNotReady), (.uploading, .imageNotReady),
    (.importing, .imageNotReady), (.unknown, .imageNotReady),
  ])
  func everyStatusHasItsVerdict(_ status: ImageStatus, _ code: ErrorCode?) {
    let found: ErrorCode?
    do throws(SlipwayError) {
      try Agent.judge(ImageDescription(id: Bed.id, status: status))
      found = nil
    } catch { found = error.code }
    #expect(found == code)
  }

  @Test func aSignedImageIsNeverPassedAsUnsigned() {
    let error = #expect(throws: SlipwayError.self) {
      try Agent.judge(ImageDescription(id: Bed.id, signature: ["img_signature_hash_method": "SHA-256"]))
    }
    #expect(error?.code == .signatureInvalid)
  }

  @Test(arguments: ["qed", "ploop", "ami", "QCOW2", "", "none"]) func otherFormatsAreRefused(_ format: String) {
    let image = ResolvedImage(description: ImageDescription(id: Bed.id, diskFormat: format), typed: false)
    #expect(#expect(throws: SlipwayError.self) { try Agent.judgeBytes(image) }?.code == .formatRefused)
  }

  @Test func aCloneIsHeldAgainstTheServicesWordOnly() throws {
    let (one, other) = (try Self.digest(1, .sha512), try Self.digest(1, .sha256))
    try Agent.judgeClone(Self.image(one))
    try Agent.judgeClone(Self.image(one, asked: one))
    #expect(#expect(throws: SlipwayError.self) { try Agent.judgeClone(Self.image(one, asked: other)) }?.code == .digestRequired)
    #expect(#expect(throws: SlipwayError.self) { try Agent.judgeClone(Self.image(nil, asked: other)) }?.code == .digestRequired)
  }
}
