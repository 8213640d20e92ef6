import Crypto
import Foundation
import ImageTrust
import Model
import Runtime
import Testing

extension OpenSSLTests {
  /// What a certificate service may hand out instead of a certificate.
  @Suite(.timeLimit(.minutes(2))) struct CertificateTests {
    let bench: OpenSSL
    let pem: [UInt8]
    init() async throws {
      bench = try OpenSSL.bench()
      pem = try await bench.certificate("secp384r1")
    }

    private func code(_ bytes: [UInt8]) -> ErrorCode? {
      do throws(SlipwayError) {
        _ = try Certificate(pem: bytes)
        return nil
      } catch {
        return error.code
      }
    }

    @Test func aCertificateTellsWhatItIs() async throws {
      let certificate = try Certificate(pem: pem)
      #expect(certificate.subject == "CN=secp384r1")
      #expect(certificate.key.kind == .ec(curve: "secp384r1"))
      #expect(certificate.key.bits == 384)
      #expect(!certificate.isCA)
      #expect(!certificate.signsCertificates)
      #expect(certificate.hasCommonSignature)
      #expect(certificate.isSigned(by: certificate))
      #expect(certificate.notAfter - certificate.notBefore == 365 * 86400)
      try await bench.sh("openssl x509 -in secp384r1.pem -noout -fingerprint -sha256 | tr -d ':\\n' | sed 's/.*=//' > print")
      #expect(certificate.fingerprint.hex == String(decoding: try bench.bytes("print"), as: UTF8.self).lowercased())
    }

    @Test func textAroundItAndCarriageReturnsDoNoHarm() throws {
      let text = String(decoding: pem, as: UTF8.self)
      #expect(code(Array("some words\n\n".utf8) + pem + Array("\nmore".utf8)) == nil)
      #expect(code(Array(text.replacingOccurrences(of: "\n", with: "\r\n").utf8)) == nil)
    }

    @Test func ofTwoTheFirstIsUsed() async throws {
      let certificate = try Certificate(pem: try await bench.certificate("rsa2048") + pem)
      #expect(certificate.subject == "CN=rsa2048")
    }

    @Test func whatIsNoCertificateIsOneCleanError() async throws {
      try await bench.sh(
        "openssl x509 -in secp384r1.pem -outform DER -out leaf.der; openssl x509 -in secp384r1.pem -trustout -out trusted.pem")
      let key = try bench.bytes(try await bench.key("secp384r1"))
      let text = String(decoding: pem, as: UTF8.self)
      let lines = text.split(separator: "\n")
      let short = (lines.prefix(3) + lines.suffix(1)).joined(separator: "\n") + "\n"
      for bytes in [
        [], Array("text/plain".utf8), try bench.bytes("leaf.der"), key, key + pem, try bench.bytes("trusted.pem"),
        Array(Data(pem).base64EncodedString().utf8), Array(short.utf8), [UInt8](repeating: 0x41, count: 100_000), Array(pem.prefix(200)),
        Array("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".utf8),
      ] {
        #expect(code(bytes) == .certificateUnusable)
      }
    }

    @Test func anyCutOrFlippedByteIsACertificateOrOneCleanError() throws {
      var random = SystemRandomNumberGenerator()
      for length in stride(from: 0, to: pem.count, by: 7) { _ = code(Array(pem.prefix(length))) }
      for _ in 0..<300 {
        var bytes = pem
        for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
        let found = code(bytes)
        #expect(found == nil || found == .certificateUnusable)
      }
    }

    @Test func aDirectoryServesFilesByTheirNames() async throws {
      let workers = WorkerPool(name: "certificates", threads: 1)
      let directory = bench.path("certificates")
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data(pem).write(to: URL(fileURLWithPath: directory + "/mine.pem"))
      try Data([1, 2]).write(to: URL(fileURLWithPath: directory + "/broken.pem"))
      let source = CertificateDirectory(path: directory, workers: workers)
      let mine = try await source.certificate(try #require(CertificateID("mine")), context: quiet)
      #expect(mine.subject == "CN=secp384r1")
      for name in ["absent", "broken"] {
        let id = try #require(CertificateID(name))
        await #expect { try await source.certificate(id, context: quiet) } throws: { ($0 as? SlipwayError)?.code == .certificateUnusable }
      }
    }
  }
}
