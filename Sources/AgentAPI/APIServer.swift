internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Model
internal import NIOCore
internal import Runtime
public import ServiceLifecycle

/// Hummingbird in front of the API: on a Unix socket, or on a TCP port that serves metrics alone.
public struct APIServer: Service {
  /// Where it listens.
  enum Place: Sendable {
    case socket(UnixSocket)
    case tcp(host: String, port: Int)
  }
  let place: Place
  let responder: APIResponder
  let logger: Logger
  let onReady: @Sendable () async -> Void

  /// Serves until it is told to stop, then finishes what it answers.
  public func run() async throws {
    let address: BindAddress
    switch place {
    case .socket(let socket):
      try socket.prepare()
      address = .unixDomainSocket(path: socket.bound)
    case .tcp(let host, let port): address = .hostname(host, port: port)
    }
    let (place, onReady) = (place, onReady)
    let failed = Locked<SlipwayError?>(nil)
    let application = Application(
      responder: responder,
      // Who sends nothing for half a minute, or a head in drops, is let go; who waits for an answer is not idle.
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(30),
          httpDecoderConfiguration: .init(maxHeaderFieldSize: 64 << 10, maxHeaderListSize: 96 << 10, maxHeaderFieldCount: 100))),
      configuration: .init(address: address, serverName: nil, backlog: 1024),
      onServerRunning: { channel in
        do {
          if case .socket(let socket) = place { try socket.publish() }
          await onReady()
        } catch {
          failed.with { $0 = SlipwayError.wrap(error) }
          try? await channel.close()
        }
      },
      logger: Self.quiet(logger))
    defer { if case .socket(let socket) = place { socket.remove() } }
    do {
      try await application.run()
    } catch {
      if let cause = failed.with({ $0 }) { throw cause }
      if error is SlipwayError || error is CancellationError { throw error }
      let door = if case .tcp(let host, let port) = place { "\(host):\(port)" } else { "the socket" }
      throw SlipwayError(.ioError, "cannot listen on \(door): \(error)", object: door, hint: "check the keys under 'api'")
    }
    if let error = failed.with({ $0 }) { throw error }
  }

  /// The server's own lines are for its makers.
  private static func quiet(_ logger: Logger) -> Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .error)
    return logger
  }
}

/// Turns the server's requests into ours, and our answers into the server's.
struct APIResponder: HTTPResponder {
  typealias Context = BasicRequestContext
  /// The largest body.
  static let bodyLimit = 64 << 10
  /// Within this a body must be here.
  static let bodyTime = Duration.seconds(10)

  let api: API
  let role: Role
  /// Only metrics and health, for a listener that is open to others.
  var metricsOnly = false

  func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
    var mine = APIRequest(request.method.rawValue, request.head.path ?? "/", role: role)
    for field in request.headers { mine.headers[field.name.canonicalName] = field.value }
    if metricsOnly, !["/metrics", "/healthz"].contains(mine.target) {
      return Response(status: .notFound)
    }
    if request.headers[.contentLength] != nil || request.headers[.transferEncoding] != nil {
      do {
        mine.body = try await Self.body(of: request)
      } catch let refusal as BodyRefusal {
        let (status, message) = refusal == .tooLarge ? (413, "the body is larger than 64 KiB") : (408, "the body did not come within 10 s")
        var answer = API.problem(SlipwayError(.usage, message), status, RequestContext(logger: context.logger))
        answer.headers.append(("Connection", "close"))
        return Self.response(answer, isHead: false)
      }
    }
    return Self.response(await api.respond(to: mine), isHead: request.method == .head)
  }

  private enum BodyRefusal: Error { case tooLarge, tooSlow }

  private static func body(of request: Request) async throws -> [UInt8] {
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyLimit { throw BodyRefusal.tooLarge }
    let body = request.body
    return try await withThrowingTaskGroup(of: [UInt8].self) { group in
      group.addTask {
        var bytes: [UInt8] = []
        for try await piece in body {
          guard bytes.count + piece.readableBytes <= bodyLimit else { throw BodyRefusal.tooLarge }
          bytes.append(contentsOf: piece.readableBytesView)
        }
        return bytes
      }
      group.addTask {
        try await Task.sleep(for: bodyTime)
        throw BodyRefusal.tooSlow
      }
      defer { group.cancelAll() }
      return try await group.next() ?? []
    }
  }

  private static func response(_ answer: APIResponse, isHead: Bool) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = answer.type
    headers[.cacheControl] = "no-store"
    for (name, value) in answer.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
    let status = HTTPResponse.Status(code: answer.status)
    switch answer.body {
    case .bytes(let bytes):
      guard !isHead else {
        headers[.contentLength] = String(bytes.count)
        return Response(status: status, headers: headers)
      }
      return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    case .events(let operation):
      guard !isHead else { return Response(status: status, headers: headers) }
      return Response(
        status: status, headers: headers,
        body: .init { writer in
          try await EventText.write(operation) { try await writer.write(ByteBuffer(string: $0)) }
          try await writer.finish(nil)
        })
    }
  }
}
