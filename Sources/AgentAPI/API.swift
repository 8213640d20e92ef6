internal import Configuration
internal import Foundation
public import Logging
internal import Model
internal import OpenStack
internal import Runtime
internal import Wire

/// The API, free of any server: a request in, an answer out.
public final class API: Sendable {
  /// What belongs to one configuration, and is exchanged with it.
  public struct Service: Sendable {
    /// Who does the work.
    public var engine: any Engine
    /// Whether a caller may name a location, and of which schemes; nil for none.
    public var locationSchemes: Set<String>?
    /// The configuration's mark.
    public var mark: String
    /// The store's directory.
    public var store: String

    /// A service.
    public init(engine: any Engine, locationSchemes: Set<String>?, mark: String, store: String) {
      self.engine = engine
      self.locationSchemes = locationSchemes
      self.mark = mark
      self.store = store
    }
  }

  /// What is under way.
  public let operations: Operations
  let logger: Locked<Logger>
  private let slot: Locked<Service>
  private let exporter: PrometheusExporter?
  /// Told of fetches and prewarmings that begin and end, so that a daemon that is killed leaves them to the next.
  let journal: Journal?
  /// The most that a caller may wait in one request.
  static let longestWait = Duration.seconds(300)

  /// An API.
  public init(
    _ service: Service, operations: Operations = Operations(), exporter: PrometheusExporter? = nil, journal: Journal? = nil, logger: Logger
  ) {
    slot = Locked(service)
    self.operations = operations
    self.exporter = exporter
    self.journal = journal
    self.logger = Locked(logger)
  }

  /// The service of now. What is under way keeps the one that it began with.
  public var service: Service {
    get { slot.with { $0 } }
    set { slot.with { $0 = newValue } }
  }

  /// Logs through `logger` from now on.
  public func log(through logger: Logger) { self.logger.with { $0 = logger } }

  /// Answers a request; every failure is a problem document.
  public func respond(to request: APIRequest) async -> APIResponse {
    let start = ContinuousClock.now
    let context = RequestContext(id: Self.given(request.headers["x-openstack-request-id"]), logger: logger.with { $0 })
    var response: APIResponse
    do {
      response = try await answer(request, context)
    } catch let error as Mismatch {
      response = Self.problem(error.error, error.status, context)
      response.headers += error.headers
    } catch {
      response = Self.problem(SlipwayError.wrap(error), nil, context)
    }
    response.headers.append(("X-OpenStack-Request-ID", context.id))
    Metric.requests.count(1, Self.methods.contains(request.method) ? request.method : "other", response.endpoint, String(response.status))
    Metric.requestSeconds.observe(ContinuousClock.now - start, response.endpoint)
    return response
  }

  /// A failure that HTTP has a status of its own for.
  struct Mismatch: Error {
    var error: SlipwayError
    var status: Int
    var headers: [(name: String, value: String)] = []
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "DELETE"]

  /// Another service's request id, where it looks like one.
  private static func given(_ text: String?) -> String? {
    guard let text, text.hasPrefix("req-"), text.utf8.count == 40,
      text.dropFirst(4).allSatisfy({ $0 == "-" || $0.isASCII && $0.isHexDigit })
    else { return nil }
    return text
  }

  static func problem(_ error: SlipwayError, _ status: Int?, _ context: RequestContext) -> APIResponse {
    // A failed batch is an answer, and 499 is nobody's standard.
    let status = status ?? (error.code == .cancelled ? 409 : error.code.httpStatus)
    let document = ProblemDocument(error, status: status, request: context.id)
    var response = APIResponse(status, type: "application/problem+json", Array(((try? WireCoding.text(document)) ?? "{}").utf8))
    if status == 503 { response.headers.append(("Retry-After", "5")) }
    return response
  }

  private func answer(_ request: APIRequest, _ context: RequestContext) async throws -> APIResponse {
    guard let parts = request.parts else {
      throw Mismatch(
        error: SlipwayError(.usage, "the path names nothing here", hint: "names have no '/', no control characters and are not '..'"),
        status: 400)
    }
    let here = Endpoint.all.filter { $0.matches(parts) }
    guard !here.isEmpty else {
      throw Mismatch(error: SlipwayError(.usage, "there is nothing at this path", hint: "see: GET /v1/openapi.json"), status: 404)
    }
    let method = request.method == "HEAD" ? "GET" : request.method
    guard let endpoint = here.first(where: { $0.method == method }) else {
      let allowed = here.map(\.method).sorted().joined(separator: ", ")
      throw Mismatch(
        error: SlipwayError(.usage, "\(request.method.prefix(20)) is not possible here", hint: "use: \(allowed)"), status: 405,
        headers: [("Allow", allowed)])
    }
    var response: APIResponse
    do {
      response = try await dispatch(endpoint, parts, request, context)
    } catch let error as Mismatch {
      response = Self.problem(error.error, error.status, context)
      response.headers += error.headers
    } catch {
      response = Self.problem(SlipwayError.wrap(error), nil, context)
    }
    response.endpoint = endpoint.path
    return response
  }

  private func dispatch(
    _ endpoint: Endpoint, _ parts: [String], _ request: APIRequest, _ context: RequestContext
  ) async throws -> APIResponse {
    guard request.role == .full || !endpoint.changes else {
      throw Mismatch(
        error: SlipwayError(.permissionDenied, "this socket may only read", hint: "use the socket of api.socket"), status: 403)
    }
    if let mark = request.headers["x-slipway-configuration"], mark != service.mark {
      throw SlipwayError(
        .configuration, "the configuration differs from the daemon's",
        hint: "give the same --config and variables as the daemon has (and reload it), or use --standalone")
    }
    if endpoint.takesBody {
      let type = request.headers["content-type"]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
      guard type == "application/json" else {
        throw Mismatch(
          error: SlipwayError(.usage, "the body is to be JSON", object: type, hint: "send Content-Type: application/json"), status: 415)
      }
    } else if !request.body.isEmpty {
      throw SlipwayError(.usage, "nothing is taken from a body here", hint: "leave the body out")
    }
    let call = Call(
      request: request, endpoint: endpoint, query: try request.query(endpoint.parameters), names: endpoint.names(parts), service: service,
      context: context)
    return try await endpoint.handler(self, call)
  }

  /// The text of the metrics; nil without an exporter.
  var metricsText: String? {
    operations.measure()
    return exporter?.text()
  }
}

/// One request on its way.
struct Call: Sendable {
  var request: APIRequest
  var endpoint: Endpoint
  var query: [String: String]
  /// What stands in the path's places.
  var names: [String: String]
  var service: API.Service
  var context: RequestContext

  /// The user's token, which the image service is asked with.
  var token: Secret? { request.headers["x-auth-token"].flatMap { $0.isEmpty ? nil : Secret($0) } }

  /// How long the caller waits: `wait=30s`. Throws `usage`.
  func wait() throws(SlipwayError) -> Duration {
    guard let text = query["wait"] else { return .zero }
    let number = text.hasSuffix("s") ? String(text.dropLast()) : text
    guard let seconds = Int64(number), seconds >= 0, seconds <= 300, !number.hasPrefix("+"), !number.hasPrefix("-") else {
      throw SlipwayError(.usage, "'wait' is 0s to 300s", object: "wait", hint: "give it as in wait=30s")
    }
    return .seconds(seconds)
  }

  /// A parameter that is true or false.
  func flag(_ name: String) throws(SlipwayError) -> Bool {
    switch query[name] {
    case nil, "false": return false
    case "true": return true
    default: throw SlipwayError(.usage, "'\(name)' is true or false", object: name)
    }
  }
}
