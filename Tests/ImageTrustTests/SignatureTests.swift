import Crypto
import Foundation
import ImageTrust
import Model
import Testing

extension OpenSSLTests {
  /// Signatures that `openssl` made, judged by ours.
  @Suite(.timeLimit(.minutes(3))) struct SignatureTests {
    static let hashes = ["SHA-224", "SHA-256", "SHA-384", "SHA-512"]
    static let kinds = [
      ("rsa2048", "RSA-PSS"), ("rsa3072", "RSA-PSS"), ("dsa", "DSA"), ("secp384r1", "ECC_SECP384R1"), ("secp521r1", "ECC_SECP521R1"),
      ("sect409k1", "ECC_SECT409K1"), ("sect571k1", "ECC_SECT571K1"), ("sect409r1", "ECC_SECT409R1"), ("sect571r1", "ECC_SECT571R1"),
    ]
    static func option(_ hash: String) -> String { hash.lowercased().replacingOccurrences(of: "-", with: "") }

    let bench: OpenSSL
    let image: [UInt8]
    init() async throws {
      bench = try OpenSSL.bench()
      image = try bench.bytes("image")
    }

    @Test(arguments: kinds, hashes) func everyKeyTypeWithEveryHashIsVerified(kind: (String, String), hash: String) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate(kind.0)])
      let signature = try await bench.sign(kind.0, Self.option(hash))
      let signed = properties(signature, hash, kind.1)
      let found = try #require(try await evidence(signed, over: image, certificates))
      #expect(found.keyType == kind.1)
      #expect(found.hash == hash)
      #expect(found.certificate.subject == "CN=\(kind.0)")
      #expect(found.chain == nil)
      // One bit of the image, one byte more, one byte less.
      var other = image
      other[other.count / 2] ^= 1
      #expect(try await verdict(signed, over: other, certificates) == .signatureMismatch)
      #expect(try await verdict(signed, over: image + [0], certificates) == .signatureMismatch)
      #expect(try await verdict(signed, over: image.dropLast(), certificates) == .signatureMismatch)
      // One bit of the signature.
      for position in [0, signature.count / 2, signature.count - 1] {
        var wrong = signature
        wrong[position] ^= 1
        #expect(try await verdict(properties(wrong, hash, kind.1), over: image, certificates) == .signatureMismatch)
      }
    }

    @Test(arguments: ["max", "digest", "0", "20", "221"]) func anySaltLengthIsGood(salt: String) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("rsa2048")])
      let signature = try await bench.sign("rsa2048", "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:\(salt)")
      #expect(try await verdict(properties(signature, "SHA-256", "RSA-PSS"), over: image, certificates) == nil)
    }

    @Test(arguments: 1025...1032) func aModulusOfOddLengthIsGood(bits: Int) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("rsa\(bits)")])
      let signature = try await bench.sign("rsa\(bits)", "sha256")
      let signed = properties(signature, "SHA-256", "RSA-PSS")
      #expect(try await verdict(signed, over: image, certificates, keys: KeyPolicy(minimumRSABits: 1024)) == nil)
      #expect(try await verdict(signed, over: image, certificates) == .certificateUnusable)
    }

    @Test(arguments: ["1", "10000"]) func anExponentThatProvesNothingIsRefused(exponent: String) async throws {
      // A certificate whose key is the modulus of `rsa2048` with another exponent, and the padded hash that a signature would be raised to.
      _ = try await bench.certificate("rsa2048")
      let name = "exponent\(exponent)"
      try await bench.sh(
        """
        openssl pkey -in rsa2048.key -pubout -out \(name).pub
        n=$(openssl rsa -pubin -in \(name).pub -modulus -noout | sed s/Modulus=//)
        printf 'asn1=SEQUENCE:k\\n[k]\\na=SEQUENCE:a\\nb=BITWRAP,SEQUENCE:p\\n[a]\\no=OID:rsaEncryption\\nn=NULL\\n' > \(name).cnf
        printf '[p]\\nn=INTEGER:0x%s\\ne=INTEGER:0x\(exponent)\\n' $n >> \(name).cnf
        openssl asn1parse -genconf \(name).cnf -noout -out \(name).der
        openssl pkey -pubin -inform DER -in \(name).der -out \(name).key
        openssl req -new -key rsa2048.key -subj /CN=\(name) -out \(name).csr
        openssl x509 -req -in \(name).csr -CA rsa2048.pem -CAkey rsa2048.key -set_serial 9 -force_pubkey \(name).key -days 20 -out \(name).pem
        openssl dgst -sha256 -sign rsa2048.key -sigopt rsa_padding_mode:pss -out \(name).sig image
        openssl pkeyutl -encrypt -pubin -inkey \(name).pub -pkeyopt rsa_padding_mode:none -in \(name).sig -out \(name).forged
        """)
      let certificates = Certificates(pem: ["leaf": try bench.bytes(name + ".pem")])
      let forged = properties(try bench.bytes(name + ".forged"), "SHA-256", "RSA-PSS")
      #expect(try await verdict(forged, over: image, certificates) == .certificateUnusable)
    }

    @Test(arguments: ["", "-sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1", "-sigopt rsa_padding_mode:pkcs1"])
    func otherPaddingIsNoSignature(options: String) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("rsa2048")])
      let signature = try await bench.sign("rsa2048", "sha256", options.isEmpty ? "-sigopt rsa_padding_mode:x931" : options)
      #expect(try await verdict(properties(signature, "SHA-256", "RSA-PSS"), over: image, certificates) == .signatureMismatch)
    }

    @Test func anotherHashThanSaidIsNoSignature() async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("secp384r1")])
      let signature = try await bench.sign("secp384r1", "sha384")
      #expect(try await verdict(properties(signature, "SHA-512", "ECC_SECP384R1"), over: image, certificates) == .signatureMismatch)
    }

    @Test(arguments: ["dsa", "secp384r1"]) func malformedDERIsNoSignature(kind: String) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate(kind)])
      let type = kind == "dsa" ? "DSA" : "ECC_SECP384R1"
      let signature = try await bench.sign(kind, "sha256")
      var raw: [UInt8] = []
      var position = 2
      // r and s, each padded to the same length: what JOSE would send.
      for _ in 0..<2 {
        let length = Int(signature[position + 1])
        let value = signature[position + 2..<position + 2 + length].drop { $0 == 0 }
        raw += [UInt8](repeating: 0, count: 48 - min(48, value.count)) + value
        position += 2 + length
      }
      for wrong in [raw, signature + [0], Array(signature.dropLast()), [0x30, 0x00], [0]] {
        #expect(try await verdict(properties(wrong, "SHA-256", type), over: image, certificates) == .signatureMismatch)
      }
    }

    @Test func anotherKeysSignatureIsNone() async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("rsa2048")])
      _ = try await bench.key("rsa2048", as: "stranger")
      let signature = try await bench.sign("stranger", "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max")
      #expect(try await verdict(properties(signature, "SHA-256", "RSA-PSS"), over: image, certificates) == .signatureMismatch)
    }

    @Test(arguments: ["prime256v1", "secp256k1", "secp521r1", "rsa2048", "ed25519"])
    func aKeyThatIsNotWhatTheImageSaysIsRefused(kind: String) async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate(kind)])
      let signed = properties([1, 2, 3], "SHA-256", "ECC_SECP384R1")
      #expect(try await verdict(signed, over: image, certificates) == .certificateUnusable)
    }

    @Test func anECKeyIsNoRSAKey() async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("secp384r1")])
      for type in ["RSA-PSS", "DSA"] {
        #expect(try await verdict(properties([1], "SHA-256", type), over: image, certificates) == .certificateUnusable)
      }
    }

    @Test func anExpiredOrFutureCertificateIsRefusedWithoutAChainToo() async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("secp384r1")])
      let signed = properties(try await bench.sign("secp384r1", "sha256"), "SHA-256", "ECC_SECP384R1")
      let now = Int64(Date().timeIntervalSince1970)
      #expect(try await verdict(signed, over: image, certificates, now: now + 366 * 86400) == .certificateUnusable)
      #expect(try await verdict(signed, over: image, certificates, now: now - 86400) == .certificateUnusable)
      #expect(try await verdict(signed, over: image, certificates, now: now + 364 * 86400) == nil)
    }

    @Test func evidenceNamesTheSignatureAndHoldsForWhoTrustsItsChain() async throws {
      let certificates = Certificates(pem: ["leaf": try await bench.certificate("secp384r1")])
      let signed = properties(try await bench.sign("secp384r1", "sha256"), "SHA-256", "ECC_SECP384R1")
      let found = try #require(try await evidence(signed, over: image, certificates))
      let signature = try #require(try ImageSignature.parse(signed, of: "test"))
      #expect(signature.isMeant(by: found))
      let other = try #require(try ImageSignature.parse(properties([1, 2], "SHA-256", "ECC_SECP384R1"), of: "test"))
      #expect(!other.isMeant(by: found))
      #expect(found.holds(for: []))
      #expect(!found.holds(for: ["leaf"]))
      #expect(KeyPolicy().accepts(keyType: found.keyType, bits: found.keyBits))
      #expect(!KeyPolicy().accepts(keyType: "RSA-PSS", bits: 1024))
    }
  }
}
