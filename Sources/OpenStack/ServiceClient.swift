internal import HTTPClient
internal import Model
internal import Runtime

/// Asks one service of a cloud: with a token (ours, renewed once when refused, or the caller's), with bounded retries, redirected nowhere.
struct ServiceClient: Sendable {
  /// Whose token goes with a request.
  enum Identity: Sendable {
    case ours
    case caller(Secret)

    var isOurs: Bool { if case .ours = self { true } else { false } }
  }

  let cloud: CloudConfiguration
  let http: HTTPClient
  /// Nil for a service without authentication.
  let session: KeystoneSession?
  var retry: RetryPolicy
  /// What to call the service in a sentence.
  let name: String
  /// The catalog's types, the official one first.
  let types: [String]
  /// Where it lies, whatever the catalog says.
  let override: String?
  /// The longest that one answer with a small body may take.
  let cap: Duration = .seconds(60)

  /// The service's root, without version and final slash. Throws `configuration` and what a token throws.
  func endpoint(_ context: RequestContext) async throws -> String {
    var url: String
    if let override {
      url = override
    } else if let session {
      url = try await session.endpoint(types, context)
    } else {
      throw SlipwayError(.configuration, "cloud '\(cloud.name)': no endpoint for the \(name)", object: cloud.name)
    }
    while url.hasSuffix("/") { url.removeLast() }
    for version in ["/v2", "/v1"] where url.hasSuffix(version) { url.removeLast(version.count) }
    while url.hasSuffix("/") { url.removeLast() }
    return url
  }

  /// GET with a small JSON answer. Answers 2xx, 3xx, 501 (no such call) and those 4xx that the caller must judge; the rest is thrown.
  func get(
    _ path: String, as identity: Identity, accept: String = "application/json", headers: HTTPHeaders = [:], _ context: RequestContext
  ) async throws -> HTTPResponse {
    try await ask(path, as: identity, accept: accept, range: nil, cap: cap, headers: headers, context) {
      try await http.send($0)
    } head: {
      $0.head
    }
  }

  /// POST of a small document that may be repeated without harm. Answers as `get`.
  func post(_ path: String, _ body: JSONValue, as identity: Identity, _ context: RequestContext) async throws -> HTTPResponse {
    try await ask(path, as: identity, accept: "application/json", range: nil, cap: cap, body: try body.encoded(), context) {
      try await http.send($0)
    } head: {
      $0.head
    }
  }

  /// A change by `method`, with a document of `type` if any, that may be repeated without harm. Answers as `get`.
  func change(
    _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, type: String = "application/json", as identity: Identity,
    _ context: RequestContext
  ) async throws -> HTTPResponse {
    try await ask(
      path, as: identity, accept: "*/*", range: nil, cap: cap, method: method, type: type, body: try body?.encoded(), context
    ) {
      try await http.send($0)
    } head: {
      $0.head
    }
  }

  /// PUT of a body that is written while it is sent: once, since it cannot be sent again. Answers as `get`.
  func put(_ path: String, _ body: UploadBody, headers: [(String, String)], as identity: Identity, _ context: RequestContext) async throws
    -> HTTPResponse
  {
    var once = self
    once.retry.attempts = 1
    return try await once.ask(
      path, as: identity, accept: "*/*", range: nil, cap: nil, method: .put, type: "application/octet-stream", renews: false, context
    ) { request in
      var request = request
      request.upload = body
      for (name, value) in headers { request.headers[name] = value }
      return try await http.send(request)
    } head: {
      $0.head
    }
  }

  /// GET with a body to stream, which only the context's deadline bounds. Answers as `get`.
  func open(_ path: String, as identity: Identity, range: HTTPRange?, _ context: RequestContext) async throws -> BodyStream {
    try await ask(path, as: identity, accept: "*/*", range: range, cap: nil, context) {
      try await http.stream($0)
    } head: {
      $0.head
    }
  }

  private func ask<Answer: Sendable>(
    _ path: String, as identity: Identity, accept: String, range: HTTPRange?, cap: Duration?,
    method: HTTPRequest.Method? = nil, type: String = "application/json", body: [UInt8]? = nil, renews: Bool = true,
    headers more: HTTPHeaders = [:], _ context: RequestContext,
    _ exchange: (HTTPRequest) async throws -> Answer, head: (Answer) -> HTTPHead
  ) async throws -> Answer {
    let base = try await endpoint(context)
    var renewed = false
    while true {
      var headers: HTTPHeaders = ["Accept": accept, "X-OpenStack-Request-ID": context.id]
      for field in more.fields { headers[field.name] = field.value }
      var ours: KeystoneToken?
      switch identity {
      case .caller(let token): headers["X-Auth-Token"] = token.value
      case .ours:
        ours = try await session?.token(context)
        headers["X-Auth-Token"] = ours?.secret.value
      }
      if body != nil || method == .put { headers["Content-Type"] = type }
      let request = HTTPRequest(
        method ?? (body == nil ? .get : .post), base + path, headers: headers, body: body, range: range, redirects: .never)
      let answer = try await retry.run(context, service: "the \(name)", cap: cap) { deadline in
        var request = request
        request.deadline = deadline
        return try await exchange(request)
      } head: {
        head($0)
      }
      let status = head(answer).status
      switch status {
      case 401:
        if let ours, renews, !renewed, let session {
          renewed = true
          session.forget(ours)
          continue
        }
        throw refused(identity, base)
      // Glance fails so on a range of an image without data, which says nothing of its health.
      case 500 where range != nil: return answer
      case 429, 500, 502...599:
        throw SlipwayError(
          .imageServiceUnavailable, "the \(name) at \(Location.redacted(base)) answered with HTTP \(status)", object: cloud.name,
          hint: "look at its log for \(context.id)")
      default: return answer
      }
    }
  }

  /// An error for a body or a status that makes no sense.
  func nonsense(_ what: String) -> SlipwayError {
    SlipwayError(.imageServiceUnavailable, "cloud '\(cloud.name)': the \(name) answered with \(what)", object: cloud.name)
  }

  /// The error for a refused identity (401, or 403 where nothing else explains it).
  func refused(_ identity: Identity, _ what: String) -> SlipwayError {
    let who = identity.isOurs ? session?.identity ?? "a request without a token" : "the caller's token"
    let hint = identity.isOurs ? "check the credentials of cloud '\(cloud.name)' and their roles" : "get a new token"
    return SlipwayError(.imageServiceDenied, "the \(name) refuses \(who) for \(Location.redacted(what))", object: cloud.name, hint: hint)
  }
}
