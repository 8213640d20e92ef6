import Crypto
import Foundation
import ImageTrust
import Model
import Testing

extension OpenSSLTests {
  /// Chains to trusted certificates.
  @Suite(.timeLimit(.minutes(3))) struct ChainTests {
    let bench: OpenSSL
    init() async throws {
      bench = try OpenSSL.bench()
      try await bench.root("root")
      try await bench.signed("int", by: "root")
      try await bench.signed("leaf", by: "int", ca: nil, usage: nil, days: 10)
    }

    /// Judges a signature by `leaf`, with certificates that were made by their names.
    private func judge(
      _ leaf: String = "leaf", trusted: [String], key: String? = nil, missing: [String] = [], isDown: Bool = false, days: Int64 = 0
    )
      async throws -> ErrorCode?
    {
      var certificates = Certificates(isDown: isDown)
      for name in trusted + [leaf] where !missing.contains(name) { certificates.pem[name] = try bench.bytes(name + ".pem") }
      let signature = try await bench.sign(key ?? leaf, "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max")
      return try await verdict(
        properties(signature, "SHA-256", "RSA-PSS", leaf), over: try bench.bytes("image"), certificates, trusted: trusted,
        now: Int64(Date().timeIntervalSince1970) + days * 86400)
    }

    @Test func rootAndIntermediateInAnyOrder() async throws {
      #expect(try await judge(trusted: ["root", "int"]) == nil)
      #expect(try await judge(trusted: ["int", "root"]) == nil)
    }

    @Test func theChainIsInTheEvidence() async throws {
      var certificates = Certificates()
      for name in ["root", "int", "leaf"] { certificates.pem[name] = try bench.bytes(name + ".pem") }
      let signature = try await bench.sign("leaf", "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max")
      let found = try #require(
        try await evidence(
          properties(signature, "SHA-256", "RSA-PSS"), over: try bench.bytes("image"), certificates, trusted: ["root", "int"]))
      #expect(found.chain?.map(\.id) == ["int", "root"])
      #expect(found.holds(for: ["other", "root", "int"]))
      #expect(!found.holds(for: ["root"]))
    }

    @Test func oneLinkAloneIsNotEnough() async throws {
      #expect(try await judge(trusted: ["root"]) == .certificateUntrusted)
      #expect(try await judge(trusted: ["int"]) == .certificateUntrusted)
      #expect(try await judge(trusted: ["leaf"]) == .certificateUntrusted)
    }

    @Test func datesOfEveryLinkCount() async throws {
      // leaf 10 days, int 20, root 30.
      #expect(try await judge(trusted: ["root", "int"], days: 9) == nil)
      #expect(try await judge(trusted: ["root", "int"], days: 11) == .certificateUnusable)
      #expect(try await judge(trusted: ["root", "int"], days: -1) == .certificateUnusable)
      try await bench.signed("long", by: "int", ca: nil, usage: nil, days: 100)
      #expect(try await judge("long", trusted: ["root", "int"], days: 15) == nil)
      #expect(try await judge("long", trusted: ["root", "int"], days: 25) == .certificateUntrusted)
      try await bench.signed("longint", by: "root", days: 100)
      try await bench.signed("longer", by: "longint", ca: nil, usage: nil, days: 100)
      #expect(try await judge("longer", trusted: ["root", "longint"], days: 35) == .certificateUntrusted)
    }

    struct Unfit: Sendable {
      var name: String
      var ca: String?
      var usage: String?
    }
    static let unfit = [
      Unfit(name: "noca", ca: "critical,CA:FALSE", usage: "critical,keyCertSign"),
      Unfit(name: "nobc", ca: nil, usage: "critical,keyCertSign"),
      Unfit(name: "noku", ca: "critical,CA:TRUE", usage: nil),
      Unfit(name: "wrongku", ca: "critical,CA:TRUE", usage: "critical,digitalSignature"),
    ]

    @Test(arguments: unfit) func aSignerThatMayNotSignIsRefused(signer: Unfit) async throws {
      try await bench.signed(signer.name, by: "root", ca: signer.ca, usage: signer.usage)
      let name = signer.name
      try await bench.signed("leaf-" + name, by: name, ca: nil, usage: nil)
      #expect(try await judge("leaf-" + name, trusted: ["root", name]) == .certificateUntrusted)
    }

    @Test func thePathLengthCounts() async throws {
      for (length, expected) in [(0, ErrorCode.certificateUntrusted), (1, nil)] {
        let root = "path\(length)"
        try await bench.root(root, extensions: "critical,CA:TRUE,pathlen:\(length)")
        try await bench.signed("int-" + root, by: root)
        try await bench.signed("leaf-" + root, by: "int-" + root, ca: nil, usage: nil)
        #expect(try await judge("leaf-" + root, trusted: [root, "int-" + root]) == expected)
        try await bench.signed("direct-" + root, by: root, ca: nil, usage: nil)
        #expect(try await judge("direct-" + root, trusted: [root]) == nil)
      }
    }

    @Test func aCrossSignedPairEndsQuickly() async throws {
      _ = try await bench.key("rsa2048", as: "ka")
      _ = try await bench.key("rsa2048", as: "kb")
      // First self-signed, as issuers; then each over the other's name.
      try await bench.root("ka", kind: "rsa2048")
      try await bench.root("kb", kind: "rsa2048")
      try await bench.signed("a-by-b", by: "kb", key: "ka", subject: "ka")
      try await bench.signed("b-by-a", by: "ka", key: "kb", subject: "kb")
      try await bench.signed("crossed", by: "ka", ca: nil, usage: nil)
      #expect(try await judge("crossed", trusted: ["a-by-b", "b-by-a"]) == .certificateUntrusted)
      // With a self-signed one among them there is a way out.
      #expect(try await judge("crossed", trusted: ["a-by-b", "b-by-a", "kb"]) == nil)
      #expect(try await judge("crossed", trusted: ["ka"]) == nil)
    }

    @Test func aChainIsNoLongerThanTen() async throws {
      try await bench.root("c0")
      var names = ["c0"]
      for index in 1...9 {
        try await bench.signed("c\(index)", by: "c\(index - 1)")
        names.append("c\(index)")
      }
      for (last, expected) in [(8, nil), (9, ErrorCode.certificateUntrusted)] {
        try await bench.signed("end\(last)", by: "c\(last)", ca: nil, usage: nil)
        #expect(try await judge("end\(last)", trusted: names) == expected)
      }
    }

    @Test(arguments: ["secp384r1", "prime256v1", "dsa"]) func otherKindsOfCAAreGood(kind: String) async throws {
      try await bench.root("ca-" + kind, kind: kind)
      try await bench.signed("under-" + kind, by: "ca-" + kind, ca: nil, usage: nil)
      #expect(try await judge("under-" + kind, trusted: ["ca-" + kind]) == nil)
    }

    @Test func otherSignaturesOfCertificatesAreRefused() async throws {
      try await bench.root("edwards", kind: "ed25519")
      try await bench.signed("under-edwards", by: "edwards", ca: nil, usage: nil, options: "")
      #expect(try await judge("under-edwards", trusted: ["edwards"]) == .certificateUntrusted)
      for (name, options) in [
        ("pss", "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"), ("weak", "-sha1"),
      ] {
        try await bench.signed("leaf-" + name, by: "root", ca: nil, usage: nil, options: options)
        #expect(try await judge("leaf-" + name, trusted: ["root"]) == .certificateUntrusted)
      }
    }

    @Test func aSelfSignedSignerIsTrustedWhenItIsListedAndACA() async throws {
      #expect(try await judge("root", trusted: ["root"]) == nil)
      try await bench.root("plain", usage: nil)
      #expect(try await judge("plain", trusted: ["plain"]) == .certificateUntrusted)
      #expect(try await judge("root", trusted: ["int"]) == .certificateUntrusted)
    }

    @Test func aForgedIssuerIsNone() async throws {
      // The same name, another key.
      _ = try await bench.key("rsa2048", as: "fake")
      try await bench.sh(
        "openssl req -x509 -new -key fake.key -days 30 -subj /CN=root -addext basicConstraints=critical,CA:TRUE -out fake.pem")
      try await bench.signed("forged", by: "fake", ca: nil, usage: nil)
      #expect(try await judge("forged", trusted: ["root"]) == .certificateUntrusted)
    }

    @Test func aSmallCAKeyIsRefused() async throws {
      try await bench.root("small", kind: "rsa1024")
      try await bench.signed("under-small", by: "small", ca: nil, usage: nil)
      #expect(try await judge("under-small", trusted: ["small"]) == .certificateUntrusted)
    }

    @Test func aTrustedCertificateThatIsMissingIsLeftOut() async throws {
      #expect(try await judge(trusted: ["gone", "root", "int"], missing: ["gone"]) == nil)
      #expect(try await judge(trusted: ["root", "int"], missing: ["int"]) == .certificateUntrusted)
    }

    @Test func anOutageIsNoVerdict() async throws {
      #expect(try await judge(trusted: ["gone", "root", "int"], missing: ["gone"], isDown: true) == nil)
      #expect(try await judge(trusted: ["root", "int"], missing: ["int"], isDown: true) == .certificateServiceUnavailable)
      #expect(try await judge(trusted: [], missing: ["leaf"], isDown: true) == .certificateServiceUnavailable)
    }

    @Test func tooManyTrustedIDsOrOddOnesAreRefused() {
      #expect(throws: SlipwayError.self) { try CertificateID.trusted((0..<33).map { "id\($0)" }) }
      #expect(throws: SlipwayError.self) { try CertificateID.trusted(["a/b"]) }
    }
  }
}
