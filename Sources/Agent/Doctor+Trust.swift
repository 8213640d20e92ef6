internal import Configuration
internal import Crypto
internal import Files
internal import Foundation
internal import ImageTrust
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// How long before its end a trusted certificate is warned of, in seconds.
  private static let notice: Int64 = 30 * 86400

  /// What policy gives up, where certificates come from, and the trusted ones.
  func diagnoseTrust(_ context: RequestContext) async -> [Diagnosis] {
    [diagnosePolicy()] + (await diagnoseCertificates(context))
  }

  private func diagnosePolicy() -> Diagnosis {
    let demands = policy.defaults
    let lax = configuration.trust.warnings
    guard lax.isEmpty else {
      return Diagnosis(
        name: "trust policy", status: .warning, detail: lax.joined(separator: "; "),
        hint: "take it out of the configuration, or narrow it by a rule (trust.rules) to the images that need it")
    }
    let rules = policy.rules.count == 1 ? "1 rule" : "\(policy.rules.count) rules"
    return Diagnosis(
      name: "trust policy", status: .ok,
      detail: "signature \(demands.signature.rawValue), digest \(demands.digest.rawValue), clone \(demands.clone.rawValue), \(rules)",
      hint: nil)
  }

  private func diagnoseCertificates(_ context: RequestContext) async -> [Diagnosis] {
    let source: Diagnosis
    switch configuration.trust.certificates {
    case .directory: source = await diagnoseDirectory(context)
    case .barbican:
      // Without an image service no image has a signature.
      let isConfigured = configuration.images.cloud != nil || configuration.images.endpoint != nil || environment["OS_AUTH_URL"] != nil
      guard isConfigured else { return [] }
      source = await diagnoseBarbican(context)
    }
    // What hangs on a source that is away would only say so again.
    guard source.status == .ok || configuration.trust.certificates == .directory else { return [source] }
    var found = [source]
    for text in configuration.trust.trusted { found.append(await diagnoseTrusted(text, context)) }
    return found
  }

  private func diagnoseBarbican(_ context: RequestContext) async -> Diagnosis {
    let name = "certificates"
    let check = "openstack endpoint list --service key-manager"
    do {
      let late = SlipwayError(.timeout, "the certificate service did not answer in time")
      let (endpoint, mayList) = try await context.deadline.race(orThrow: late) {
        try await BarbicanClient(beside: try await self.imageService()).probe(context: context)
      }
      let detail =
        "\(endpoint) answers to our credentials" + (mayList ? "" : ", which may not list secrets; single ones may still be shown")
      return Diagnosis(name: name, status: .ok, detail: detail, hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      guard error.code == .certificateUnusable else {
        return Diagnosis(name: name, status: .failed, detail: error.message, hint: error.hint ?? "see: \(check)")
      }
      // No such service. Whether that matters depends on what is asked for.
      let isNeeded = policy.defaults.signature == .required || policy.rules.contains { $0.signature == .required }
      return Diagnosis(
        name: name, status: isNeeded ? .failed : .warning, detail: "\(error.message): signed images are refused",
        hint: "register Barbican (see: \(check)), or set trust.certificates: directory and put ID.pem files into trust.certificates_path")
    }
  }

  private func diagnoseDirectory(_ context: RequestContext) async -> Diagnosis {
    let name = "certificates"
    let path = configuration.trust.certificatesPath
    do {
      let (sound, bad) = try await files.run(
        until: context.deadline, orThrow: SlipwayError(.timeout, "\(path) did not answer in time", object: path)
      ) { try Self.certificates(in: path) }
      guard bad.isEmpty else {
        let more = bad.count > 3 ? " and \(bad.count - 3) more" : ""
        return Diagnosis(
          name: name, status: .warning,
          detail: "\(path) holds \(sound) certificates, and what is none: \(bad.prefix(3).joined(separator: "; "))\(more)",
          hint: "see each with: openssl x509 -noout -subject -enddate -in FILE")
      }
      return Diagnosis(name: name, status: .ok, detail: "\(path) can be read and holds \(sound) certificates", hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(
        name: name, status: .failed, detail: "the directory of certificates cannot be read: \(error.message)",
        hint: "make it (install -d -m 755 \(path)), or set trust.certificates_path")
    }
  }

  /// How many files of a directory are certificates under an id, and what is wrong with the others that end in `.pem`. Blocks.
  private static func certificates(in path: String) throws -> (Int, [String]) {
    let directory = try Directory.following(path)
    defer { try? directory.close() }
    var sound = 0
    var bad: [String] = []
    for file in try directory.names().sorted() where file.hasSuffix(".pem") {
      do {
        guard let id = CertificateID(String(file.dropLast(4))) else {
          bad.append("\(file): no id (1 to 64 letters, digits, '-' and '_')")
          continue
        }
        let opened = try File.open("\(path)/\(file)", under: nil)
        defer { try? opened.close() }
        var bytes = [UInt8](repeating: 0, count: Int(min(try opened.size(), Int64(Certificate.limit) + 1)))
        let count = try bytes.withUnsafeMutableBytes { try opened.read(into: $0, at: 0) }
        _ = try Certificate.named(id, pem: Array(bytes.prefix(count)), from: path)
        sound += 1
      } catch {
        bad.append("\(file): \(SlipwayError.wrap(error).message)")
      }
    }
    return (sound, bad)
  }

  private func diagnoseTrusted(_ text: String, _ context: RequestContext) async -> Diagnosis {
    let name = "trusted certificate \(text)"
    let store =
      configuration.trust.certificates == .directory
      ? "put \(text).pem into \(configuration.trust.certificatesPath)"
      : "store it (openstack secret store --secret-type certificate --payload-content-type application/octet-stream), and let our credentials read it (openstack acl user add)"
    do {
      guard let id = CertificateID(text) else {
        return Diagnosis(name: name, status: .failed, detail: "this is no certificate's id", hint: "correct it in trust.trusted")
      }
      let late = SlipwayError(.timeout, "it could not be had in time", object: text)
      let certificate = try await context.deadline.race(orThrow: late) {
        try await self.certificateSource(nil).certificate(id, context: context)
      }
      let now = Self.now
      let end = Self.timestamp(Date(timeIntervalSince1970: TimeInterval(certificate.notAfter)))
      let hint = "trust its successor as well (trust.trusted), and sign new images under that"
      if now > certificate.notAfter || now < certificate.notBefore {
        let when =
          now > certificate.notAfter
          ? "expired at \(end)" : "is not valid before \(Self.timestamp(Date(timeIntervalSince1970: TimeInterval(certificate.notBefore))))"
        return Diagnosis(
          name: name, status: .failed, detail: "\(certificate.subject) \(when): no new signature under it is trusted", hint: hint)
      }
      let days = (certificate.notAfter - now) / 86400
      let detail = "\(certificate.subject), valid until \(end) (\(days) days)"
      guard certificate.notAfter - now > Self.notice else { return Diagnosis(name: name, status: .warning, detail: detail, hint: hint) }
      return Diagnosis(name: name, status: .ok, detail: detail, hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(
        name: name, status: .failed, detail: error.message, hint: "\(store), or take it out of trust.trusted")
    }
  }
}
