import Crypto
import Foundation
import ImageTrust
import Model

/// Certificates and chains. The bytes: what a certificate service hands out (PEM), or DER certificates one behind the other, the first the leaf and the rest
/// trusted.
enum CertificateTarget {
  /// 2026-11-21, when the corpus was made.
  private static let now: Int64 = 1_795_000_000

  static func check(_ bytes: [UInt8]) -> String? {
    if bytes.first != 0x30 { return pem(bytes).1 }
    var certificates: [Certificate] = []
    for der in sequences(bytes).prefix(12) {
      let armoured =
        "-----BEGIN CERTIFICATE-----\n\(Data(der).base64EncodedString(options: .lineLength64Characters))\n-----END CERTIFICATE-----\n"
      let (certificate, wrong) = pem(Array(armoured.utf8))
      if let wrong { return wrong }
      if let certificate { certificates.append(certificate) }
    }
    guard let leaf = certificates.first else { return nil }
    let trusted = certificates.enumerated().compactMap { index, certificate in
      CertificateID("c\(index)").map { NamedCertificate(id: $0, certificate: certificate) }
    }
    guard case .trusted(let chain) = CertificateChain(trusted: trusted, now: now, keys: KeyPolicy()).find(leaf) else { return nil }
    guard let root = chain.last, root.certificate.isSigned(by: root.certificate), chain.count < CertificateChain.limit + 1 else {
      return "a chain that does not end in a self-signed certificate"
    }
    return chain.allSatisfy { $0.certificate.isCA && $0.certificate.signsCertificates } ? nil : "a chain over something that is no CA"
  }

  private static func pem(_ bytes: [UInt8]) -> (Certificate?, String?) {
    do throws(SlipwayError) {
      let found = try Certificate(pem: bytes)
      if let length = found.pathLength, length < 0 { return (nil, "a path length of \(length)") }
      if found.key.bits < 0 || found.fingerprint.bytes.count != 32 { return (nil, "odd: \(found.key.bits) bits") }
      // Any signature is one question more for the key.
      _ = try? found.key.verifies([UInt8](repeating: 1, count: (found.key.bits + 7) / 8), of: found.fingerprint, scheme: .pss)
      return (found, nil)
    } catch {
      return (nil, error.code == .certificateUnusable ? nil : "\(error)")
    }
  }

  /// Top-level values of DER, cut by their lengths.
  private static func sequences(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var found: [ArraySlice<UInt8>] = []
    var rest = bytes[...]
    while rest.count >= 4 {
      let head = Array(rest.prefix(4))
      let length = head[1] == 0x82 ? 4 + Int(head[2]) << 8 + Int(head[3]) : rest.count
      let one = rest.prefix(max(4, length))
      found.append(one)
      rest = rest.dropFirst(one.count)
    }
    return found
  }
}
