internal import Configuration
internal import Crypto
internal import ImageTrust
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Where certificates come from, asked with the token of whoever wants the image.
  func certificateSource(_ token: Secret?) async throws -> any CertificateSource {
    switch configuration.trust.certificates {
    case .directory: CertificateDirectory(path: configuration.trust.certificatesPath, workers: files)
    case .barbican: ServiceCertificates(client: BarbicanClient(beside: try await imageService()), token: token, cache: certificates)
    }
  }

  /// The image's signature with a certificate that is fit, ready for the digest of the bytes; nil when the image has none. Before a byte is moved.
  func verifier(_ image: ResolvedImage, _ demand: SignatureDemand, _ context: RequestContext) async throws -> SignatureVerifier? {
    guard let signature = demand.signature else { return nil }
    return try await SignatureVerifier.prepare(
      signature, of: image.key, from: try await certificateSource(image.token), trusted: demand.trusted, keys: demand.keys, context: context
    )
  }
}

/// Certificates that were had once: the payload of a secret never changes.
final class CertificateCache: Sendable {
  private let known = Locked<[CertificateID: Certificate]>([:])

  subscript(id: CertificateID) -> Certificate? { known.with { $0[id] } }

  func keep(_ certificate: Certificate, _ id: CertificateID) {
    known.with { known in
      // So many are in use nowhere; whoever asks for more at random gains nothing but questions to the service.
      if known.count >= 256 { known.removeAll() }
      known[id] = certificate
    }
  }
}

/// Certificates of a cloud's service, each asked for once. What one caller's token has brought serves others too: a certificate is no secret, and
/// what it proves is the same for everybody.
struct ServiceCertificates: CertificateSource {
  let client: BarbicanClient
  let token: Secret?
  let cache: CertificateCache

  func certificate(_ id: CertificateID, context: RequestContext) async throws -> Certificate {
    if let known = cache[id] { return known }
    let payload = try await client.certificate(id.text, token: token, context: context)
    let certificate = try Certificate.named(id, pem: payload, from: client.place)
    cache.keep(certificate, id)
    return certificate
  }
}
