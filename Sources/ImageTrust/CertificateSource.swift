public import Crypto
internal import Files
public import Model
public import Runtime

/// Where certificates come from.
public protocol CertificateSource: Sendable {
  /// The certificate. Throws `certificate_unusable` when it is not there, not shown, or malformed; `certificate_service_unavailable` when who keeps
  /// it cannot be asked; `timeout`, `CancellationError`.
  func certificate(_ id: CertificateID, context: RequestContext) async throws -> Certificate
}

/// A directory of files `ID.pem`, for sites without a certificate service.
public struct CertificateDirectory: CertificateSource {
  /// Its absolute path.
  public let path: String
  private let workers: WorkerPool

  /// Nothing is opened yet.
  public init(path: String, workers: WorkerPool) {
    self.path = path
    self.workers = workers
  }

  public func certificate(_ id: CertificateID, context: RequestContext) async throws -> Certificate {
    let name = "\(path)/\(id).pem"
    let bytes: [UInt8]
    do {
      bytes = try await workers.run {
        // Links are followed: c_rehash and configuration management make them.
        let file = try File.open(name, under: nil)
        defer { try? file.close() }
        let size = Int(min(try file.size(), Int64(Certificate.limit) + 1))
        var bytes = [UInt8](repeating: 0, count: size)
        let got = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return Array(bytes.prefix(got))
      }
    } catch let error as SlipwayError where error.code == .sourceNotFound {
      throw SlipwayError(
        .certificateUnusable, "there is no certificate \(name)", object: id.text,
        hint: "put it there, or set trust.certificates: barbican", cause: error)
    } catch let error as SlipwayError where error.code != .cancelled {
      throw SlipwayError(
        .certificateServiceUnavailable, "certificate \(name) cannot be read: \(error.message)", object: id.text, cause: error)
    }
    return try Certificate.named(id, pem: bytes, from: name)
  }
}

extension Certificate {
  /// As `init(pem:)`, with an error that names the certificate and where it came from.
  public static func named(_ id: CertificateID, pem bytes: [UInt8], from place: String) throws(SlipwayError) -> Certificate {
    do {
      return try Certificate(pem: bytes)
    } catch {
      throw SlipwayError(
        error.code, "certificate \(id) from \(place) cannot be used: \(error.message)", object: id.text,
        hint: "store an X.509 certificate in PEM form under that id")
    }
  }
}
