internal import HTTPClient
internal import Logging
internal import Model
public import Runtime

/// A token when one is needed: fetched once for all who ask, used until shortly before it expires, fetched again when a service refuses it.
public final class KeystoneSession: Sendable {
  private let cloud: CloudConfiguration
  private let authURL: String
  private let credential: Credential
  private let http: HTTPClient
  private let retry: RetryPolicy
  private let current = Locked<KeystoneToken?>(nil)
  private let flight = SingleFlight<KeystoneToken>()

  init(cloud: CloudConfiguration, authURL: String, credential: Credential, http: HTTPClient, retry: RetryPolicy) {
    self.cloud = cloud
    let bare = authURL.hasSuffix("/") ? String(authURL.dropLast()) : authURL
    self.authURL = bare.hasSuffix("/v3") ? bare : "\(bare)/v3"
    self.credential = credential
    self.http = http
    self.retry = retry
  }

  /// Who we are, without the secret.
  public var identity: String { credential.label }
  /// Keystone's URL, without credentials.
  public var url: String { Location.redacted(authURL) }

  /// The token. Throws `image_service_unavailable`, `image_service_denied` (naming who was refused), `configuration`, `timeout`.
  public func token(_ context: RequestContext) async throws -> KeystoneToken {
    if let token = current.with({ $0 }), ContinuousClock.now < token.usableUntil { return token }
    return try await flight.run(until: context.deadline) {
      // Whoever waits has a deadline of their own; this is the flight's.
      try await self.fetch(context)
    }
  }

  /// Forgets `token` after a service refused it, unless another has taken its place meanwhile.
  func forget(_ token: KeystoneToken) {
    current.with { if $0?.secret == token.secret { $0 = nil } }
  }

  private func fetch(_ context: RequestContext) async throws -> KeystoneToken {
    if let token = current.with({ $0 }), ContinuousClock.now < token.usableUntil { return token }
    let body = try credential.json.encoded()
    let response = try await retry.run(context, service: "Keystone", cap: .seconds(30)) { [http, authURL] deadline in
      try await http.send(
        HTTPRequest(
          .post, "\(authURL)/auth/tokens",
          headers: ["Content-Type": "application/json", "Accept": "application/json", "X-OpenStack-Request-ID": context.id], body: body,
          deadline: deadline, redirects: .never))
    } head: {
      $0.head
    }
    switch response.status {
    case 201:
      guard let secret = response.headers["X-Subject-Token"], let json = JSONValue(response.body),
        let token = KeystoneToken(secret, json, now: .now)
      else { throw error(.imageServiceUnavailable, "Keystone at \(url) answered with something that is no token") }
      current.with { $0 = token }
      context.logger.debug("got a token", metadata: ["cloud": "\(cloud.name)", "identity": "\(identity)"])
      return token
    case 401, 403:
      throw error(.imageServiceDenied, "Keystone at \(url) refuses \(identity)", hint: "check the credentials in clouds.yaml or OS_*")
    case 404 where JSONValue(response.body)?["error"] != nil:
      throw error(.imageServiceDenied, "Keystone at \(url) does not know \(identity)", hint: "check the credentials in clouds.yaml or OS_*")
    case 300...399, 404:
      throw error(.configuration, "there is no Keystone v3 at \(url) (HTTP \(response.status))", hint: "check auth_url")
    default:
      throw error(.imageServiceUnavailable, "Keystone at \(url) answered with HTTP \(response.status)")
    }
  }

  private func error(_ code: ErrorCode, _ reason: String, hint: String? = nil) -> SlipwayError {
    SlipwayError(code, "cloud '\(cloud.name)': \(reason)", object: cloud.name, hint: hint)
  }

  /// The URL of the first of `types` that the catalog has. Throws as `token`, and `configuration`.
  func endpoint(_ types: [String], _ context: RequestContext) async throws -> String {
    try await token(context).catalog.endpoint(types, for: cloud)
  }
}
