import Foundation
import ImageStore
import Model
import OpenStack
import Runtime
import Testing

@testable import Agent

/// Signed images, with certificates in a directory.
@Suite(.timeLimit(.minutes(2))) struct SignatureTests {
  let bed: Bed
  init() async throws {
    bed = try Bed()
    try await sh(
      """
      mkdir certs
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1 -out root.key
      openssl req -x509 -new -key root.key -sha256 -days 30 -subj /CN=root -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign -out certs/root.pem
      openssl req -x509 -new -key root.key -sha256 -days 30 -subj /CN=stranger -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign -out certs/stranger.pem
      openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1 -out leaf.key
      openssl req -new -key leaf.key -subj /CN=leaf -out leaf.csr
      openssl x509 -req -in leaf.csr -CA certs/root.pem -CAkey root.key -set_serial 7 -sha256 -days 20 -out certs/leaf.pem
      """)
  }

  private static let workers = WorkerPool(name: "openssl", threads: 1)

  /// On a thread that no other test needs.
  private func sh(_ script: String) async throws {
    let path = bed.path
    let status = try await Self.workers.run {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-e", "-c", script]
      process.currentDirectoryURL = URL(fileURLWithPath: path)
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus
    }
    try #require(status == 0)
  }

  /// Signs the image's bytes as they are now.
  private func sign(_ hash: String = "SHA-256") async throws {
    guard let bytes = bed.image.with({ $0?.bytes }) else { return }
    try Data(bytes).write(to: URL(fileURLWithPath: bed.path + "/image"))
    try await sh("openssl dgst -\(hash.lowercased().replacingOccurrences(of: "-", with: "")) -sign leaf.key -out sig image")
    let signature = try Data(contentsOf: URL(fileURLWithPath: bed.path + "/sig")).base64EncodedString()
    bed.image.with {
      $0?.properties = [
        "img_signature": signature, "img_signature_hash_method": hash, "img_signature_key_type": "ECC_SECP384R1",
        "img_signature_certificate_uuid": "leaf",
      ]
    }
  }

  private func trust(_ more: String = "") -> String { "trust: { certificates: directory, certificates_path: \(bed.path)/certs\(more) }" }

  private func request(_ trusted: [String] = []) throws -> ImageRequest {
    var request = try bed.request()
    request.trusted = trusted
    return request
  }

  @Test func aSignedImageIsVerifiedInItsTransfer() async throws {
    try await sign()
    let answer = try await bed.fetch(request(), trust())
    let found = try #require(answer.record.evidence.signatures?.first)
    #expect(found.certificate.id == "leaf" && found.keyType == "ECC_SECP384R1" && found.chain == nil)
    #expect(answer.route == .download)
    #expect(bed.downloads == 1)
  }

  @Test func oneByteThatDiffersIsAMismatchAndNothingIsKept() async throws {
    try await sign()
    bed.image.with { $0?.bytes[1000] ^= 1 }
    // The service's own digest is that of the new bytes: the signature alone tells.
    #expect(await bed.refusal(try request(), trust()) == .signatureMismatch)
    #expect(bed.names("bases").isEmpty && bed.names("meta").isEmpty && bed.names("tmp").isEmpty)
    #expect(bed.downloads == 1, "another source would not help")
  }

  @Test func nothingIsMovedForACertificateThatIsMissingOrDown() async throws {
    try await sign()
    bed.image.with { $0?.properties["img_signature_certificate_uuid"] = "absent" }
    #expect(await bed.refusal(try request(), trust()) == .certificateUnusable)
    // Without authentication there is no certificate service.
    #expect(await bed.refusal(try request()) == .certificateUnusable)
    #expect(bed.downloads == 0)
  }

  @Test func incompletePropertiesAreRefusedOnAHitToo() async throws {
    _ = try await bed.fetch(request(), trust())
    bed.image.with { $0?.properties = ["img_signature_hash_method": "SHA-256"] }
    #expect(await bed.refusal(try request(), trust()) == .signatureInvalid)
  }

  @Test func aHitOnEvidenceNeedsNoCertificate() async throws {
    try await sign()
    _ = try await bed.fetch(request(), trust())
    try await sh("rm certs/leaf.pem")
    #expect(try await bed.fetch(request(), trust()).route == nil)
    #expect(bed.downloads == 1)
  }

  @Test func aBaseThatWasFetchedUnsignedIsVerifiedWhenItIsSigned() async throws {
    _ = try await bed.fetch(request(), trust())
    // SHA-512 is known of its bytes already; SHA-256 is not, so the source is read again.
    try await sign("SHA-512")
    let known = try await bed.fetch(request(), trust())
    #expect(known.record.evidence.signatures?.count == 1)
    #expect(bed.downloads == 1)
    try await sign("SHA-256")
    let read = try await bed.fetch(request(), trust())
    #expect(read.record.evidence.signatures?.map(\.hash) == ["SHA-512", "SHA-256"])
    #expect(read.route == nil)
    #expect(bed.downloads == 2)
  }

  @Test func aWrongSignatureOnAHitIsAMismatch() async throws {
    _ = try await bed.fetch(request(), trust())
    try await sign("SHA-512")
    let bytes = bed.image.with { $0?.bytes } ?? []
    bed.image.with { $0?.bytes[5] ^= 1 }
    try await sign("SHA-512")
    bed.image.with { $0?.bytes = bytes }
    #expect(await bed.refusal(try request(), trust()) == .signatureMismatch)
    // Made anew, the signature is good.
    try await sign("SHA-512")
    #expect(await bed.refusal(try request(), trust()) == nil)
  }

  @Test func trustedCertificatesMakeASignatureRequired() async throws {
    #expect(await bed.refusal(try request(["root"]), trust()) == .signatureRequired)
    _ = try await bed.fetch(request(), trust())
    #expect(await bed.refusal(try request(["root"]), trust()) == .signatureRequired)
    #expect(bed.downloads == 1)
  }

  @Test func aHitIsJudgedByTheChainThatIsAskedFor() async throws {
    try await sign("SHA-512")
    _ = try await bed.fetch(request(), trust())
    #expect(await bed.refusal(try request(["stranger"]), trust()) == .certificateUntrusted)
    let chained = try await bed.fetch(request(["root"]), trust())
    #expect(chained.record.evidence.signatures?.count == 1)
    #expect(chained.record.evidence.signatures?.first?.chain?.map(\.id) == ["root"])
    // The evidence now holds for who trusts root, without any certificate.
    try await sh("rm certs/*")
    #expect(await bed.refusal(try request(["stranger", "root"]), trust()) == nil)
    #expect(await bed.refusal(try request(["stranger"]), trust()) == .certificateUnusable)
    #expect(bed.downloads == 1)
  }

  @Test func theConfigurationsTrustIsTheRequestsUnlessItHasItsOwn() async throws {
    try await sign()
    #expect(await bed.refusal(try request(), trust(", trusted: [stranger]")) == .certificateUntrusted)
    #expect(await bed.refusal(try request(["root"]), trust(", trusted: [stranger]")) == nil)
    #expect(await bed.refusal(try request(["../x"]), trust()) == .usage)
  }

  @Test func whereASignatureIsRequiredABaseWithoutOneServesNobody() async throws {
    _ = try await bed.fetch(request(), trust())
    #expect(await bed.refusal(try request(), trust(", signature: required")) == .signatureRequired)
    let file = bed.path + "/image.raw"
    try Data(Bed.bytes()).write(to: URL(fileURLWithPath: file))
    #expect(await bed.refusal(bed.typed(file), trust(", signature: required")) == .signatureRequired)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try request(), trust(", signature: required")) == .signatureRequired)
    #expect(await bed.refusal(try request(), trust()) == nil)
    #expect(await bed.refusal(try request(["root"]), trust()) == .signatureRequired)
  }

  @Test func whereSignaturesAreOffNobodyLooksAtThemButForWhoNamesCertificates() async throws {
    try await sign()
    bed.image.with { $0?.properties["img_signature_certificate_uuid"] = "absent" }
    let off = trust(", signature: off")
    let answer = try await bed.fetch(request(), off)
    #expect(answer.record.evidence.signatures == nil)
    #expect(answer.record.evidence.policy?.signature == .off)
    #expect(await bed.refusal(try request(["root"]), off) == .certificateUnusable)
    // Nor at a set that is incomplete.
    bed.image.with { $0?.properties = ["img_signature_hash_method": "SHA-256"] }
    #expect(await bed.refusal(try request(), off) == nil)
    #expect(await bed.refusal(try request(["root"]), off) == .signatureInvalid)
    #expect(await bed.refusal(try request(), trust()) == .signatureInvalid)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try request(), off) == nil)
    #expect(await bed.refusal(try request(["root"]), off) == .signatureRequired)
  }

  @Test func aTypeOfKeyThatIsNotAllowedIsRefusedBeforeAnythingMovesAndOnAHit() async throws {
    try await sign()
    let strict = trust(", key_types: [RSA-PSS]")
    #expect(await bed.refusal(try request(), strict) == .keyNotAllowed)
    #expect(bed.downloads == 0)
    _ = try await bed.fetch(request(), trust())
    #expect(await bed.refusal(try request(), strict) == .keyNotAllowed)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try request(), strict) == .signatureRequired, "no signature that satisfies")
  }

  @Test func aSignatureMayCoverTheDigestWherePolicySaysSo() async throws {
    try await sign("SHA-256")
    let covers = trust(", signature_covers_digest: true, digest: required")
    let first = try await bed.fetch(request(), covers)
    #expect(first.record.evidence.digests.map(\.algorithm) == [.sha256] && first.record.evidence.signatures?.count == 1)
    #expect(try await bed.fetch(request(), covers).tally.read == 0)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try request(), covers) == nil)
    bed.isDown.with { $0 = false }
    // Who demands the digest gets it compared, once.
    let again = try await bed.fetch(request(), trust())
    #expect(again.tally.read == 300_000 && again.record.evidence.verdict == .matched)
    #expect(Set(again.record.evidence.digests.map(\.algorithm)) == [.sha256, .sha512])
    #expect(try await bed.fetch(request(), trust()).tally.read == 0)
    #expect(bed.downloads == 2)
  }

  @Test func anotherImageOfTheBytesIsNotCoveredByTheirSignature() async throws {
    try await sign("SHA-256")
    let covers = trust(", signature_covers_digest: true")
    _ = try await bed.fetch(request(), covers)
    bed.image.with { $0?.properties = [:] }
    let unsigned = try await bed.fetch(request(), covers)
    #expect(unsigned.tally.read == 300_000 && unsigned.record.evidence.verdict == .matched)
  }

  @Test func aStricterKeyPolicyHoldsForWhatIsHere() async throws {
    try await sh(
      """
      openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
      openssl req -x509 -new -key rsa.key -sha256 -days 30 -subj /CN=rsa -out certs/rsa.pem
      """)
    try Data(Bed.bytes()).write(to: URL(fileURLWithPath: bed.path + "/image"))
    try await sh("openssl dgst -sha512 -sign rsa.key -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -out sig image")
    let signature = try Data(contentsOf: URL(fileURLWithPath: bed.path + "/sig")).base64EncodedString()
    bed.image.with {
      $0?.properties = [
        "img_signature": signature, "img_signature_hash_method": "SHA-512", "img_signature_key_type": "RSA-PSS",
        "img_signature_certificate_uuid": "rsa",
      ]
    }
    #expect(await bed.refusal(try request(), trust()) == nil)
    #expect(await bed.refusal(try request(), trust(", min_rsa_bits: 3072")) == .certificateUnusable)
  }
}
