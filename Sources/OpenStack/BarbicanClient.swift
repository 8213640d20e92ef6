internal import HTTPClient
internal import Model
public import Runtime

/// The certificate service of a cloud (Barbican, Key Manager API v1), as far as images need it: certificates by their uuid.
public final class BarbicanClient: Sendable {
  private let service: ServiceClient

  /// A client for the cloud of `glance`, with its session.
  public init(beside glance: GlanceClient) {
    let image = glance.service
    service = ServiceClient(
      cloud: image.cloud, http: image.http, session: image.session, retry: image.retry, name: "certificate service",
      types: ["key-manager"], override: image.cloud.keyManagerEndpoint)
  }

  /// Where the service lies, for a sentence.
  public var place: String { "the certificate service of cloud '\(service.cloud.name)'" }

  /// The payload of a secret, which must be a certificate: two requests, what it is and its bytes. Asked with `token` where one is given.
  ///
  /// Throws `certificate_unusable` for what is missing, not shown, or no certificate, and where the cloud has no such service; `certificate_service_unavailable` where nobody answers or our
  /// identity is refused as such; `timeout`, `CancellationError`.
  public func certificate(_ id: String, token: Secret? = nil, context: RequestContext) async throws -> [UInt8] {
    let identity: ServiceClient.Identity = token.map { .caller($0) } ?? .ours
    let path = "/v1/secrets/\(PercentEncoding.encode(id))"
    do {
      let description = try await service.get(path, as: identity, context)
      try judge(description.status, id, identity)
      guard let secret = JSONValue(description.body), let kind = secret["secret_type"]?.string else {
        throw unusable(id, "its description is no JSON of a secret")
      }
      guard kind == "certificate" else { throw unusable(id, "it is a secret of type '\(kind.prefix(40))'") }
      let type = secret["content_types"]?["default"]?.string ?? "none"
      // What castellan can read: bytes. As text Barbican hands out a string.
      guard type == "application/octet-stream" || type == "application/pkix-cert" else {
        throw unusable(id, "its payload is '\(type.prefix(60))'")
      }
      let payload = try await service.get("\(path)/payload", as: identity, accept: type, context)
      try judge(payload.status, id, identity)
      return payload.body
    } catch var error as SlipwayError {
      if error.code == .imageServiceUnavailable || error.code == .imageServiceDenied { error.code = .certificateServiceUnavailable }
      if error.code == .configuration {
        error.code = .certificateUnusable
        error.hint = (error.hint.map { "\($0); " } ?? "") + "without a certificate service set trust.certificates: directory"
      }
      throw error
    }
  }

  /// Where the service lies, once it has answered our own credentials, and whether it lets them list secrets (which certificates need not).
  ///
  /// Throws `certificate_unusable` where the cloud has no such service; `certificate_service_unavailable` where nobody answers or our identity is
  /// refused as such; `timeout`, `CancellationError`.
  public func probe(context: RequestContext) async throws -> (endpoint: String, mayList: Bool) {
    do {
      let endpoint = Location.redacted(try await service.endpoint(context))
      let answer = try await service.get("/v1/secrets?limit=1", as: .ours, context)
      switch answer.status {
      case 200: return (endpoint, true)
      case 403: return (endpoint, false)
      default:
        throw SlipwayError(
          .certificateServiceUnavailable, "\(place) at \(endpoint) answers HTTP \(answer.status) to a list of secrets",
          object: service.cloud.name,
          hint: "see whether it is a key manager: openstack endpoint list --service key-manager")
      }
    } catch var error as SlipwayError {
      if error.code == .imageServiceUnavailable || error.code == .imageServiceDenied { error.code = .certificateServiceUnavailable }
      if error.code == .configuration { error.code = .certificateUnusable }
      throw error
    }
  }

  private func judge(_ status: Int, _ id: String, _ identity: ServiceClient.Identity) throws(SlipwayError) {
    switch status {
    case 200: return
    case 404: throw unusable(id, "there is no such secret")
    case 403:
      let who = identity.isOurs ? service.session?.identity ?? "a request without a token" : "the caller's token"
      throw unusable(
        id, "it is not shown to \(who)", hint: "let them read it (openstack acl user add), or give the token of somebody who may")
    default: throw unusable(id, "it answers HTTP \(status)")
    }
  }

  private func unusable(_ id: String, _ reason: String, hint: String? = nil) -> SlipwayError {
    SlipwayError(
      .certificateUnusable, "certificate \(id) cannot be had from \(place): \(reason)", object: id,
      hint: hint ?? "store it as a secret of type certificate, PEM, application/octet-stream")
  }
}
