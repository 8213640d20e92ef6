internal import Runtime

/// HTTP/1.1 over libcurl: connections are reused, nothing waits without a limit, no policy of any service. One owned thread.
///
/// Proxies come from the environment as libcurl reads it (`https_proxy`, `no_proxy`), never for loopback.
public final class HTTPClient: Sendable {
  /// What holds for every request of a client.
  public struct Settings: Sendable {
    /// How long name resolution, TCP and TLS may take together.
    public var connectTimeout: Duration = .seconds(10)
    /// The window within which `stallBytes` must come once a request is sent.
    public var stallTimeout: Duration = .seconds(30)
    /// The bytes, of header and body, that each such window must bring; at least 1.
    public var stallBytes = 1024
    /// How long a peer that has all of a streamed body may take to answer.
    public var answerTimeout: Duration = .seconds(300)
    /// Bytes that a stream holds for a reader that is slow (at least 64 KiB).
    public var bufferBytes = 1 << 20
    /// A file of PEM certificates to trust instead of the system's.
    public var caFile: String?
    /// Whether the peer's certificate and name are checked. Turn off for a laboratory only.
    public var verifiesPeer = true
    /// `User-Agent`.
    public var userAgent = "slipway"
    /// The Unix socket through which every request goes, whatever its URL's host says; nil for the network.
    public var unixSocket: String?
    /// Connections kept open for the next request.
    public var idleConnections = 16

    /// The defaults.
    public init() {}
  }

  private struct State: Sendable {
    var engine: Engine?
    var isClosed = false
  }
  private let settings: Settings
  private let state = Locked(State())
  private let making = Lazy<Engine>()
  private static let redirectLimit = 5

  /// A client. libcurl is loaded and its thread started with the first request.
  public init(settings: Settings = Settings()) { self.settings = settings }

  deinit { end()?.post(.stop) }

  /// Ends every transfer with `cancelled`, closes the connections and the thread. Later requests throw `cancelled`.
  public func close() async {
    guard let engine = end() else { return }
    engine.post(.stop)
    // Nobody else waits on it: a second close finds the hand-off used, which is as good as ended.
    try? await engine.ended.value()
  }

  /// Lets no engine be made any more; the one that there is.
  private func end() -> Engine? {
    state.with { state in
      state.isClosed = true
      return state.engine
    }
  }

  /// The engine, made now if this is the first request.
  private func engine() async throws -> Engine {
    if let engine = state.with({ $0.engine }) { return engine }
    let (settings, state) = (settings, state)
    return try await making.get {
      let engine = try await Engine.start(settings: settings)
      let isWanted = state.with { state -> Bool in
        if !state.isClosed { state.engine = engine }
        return !state.isClosed
      }
      if !isWanted { engine.post(.stop) }
      return engine
    }
  }

  /// Sends a request and reads the whole body. Throws `HTTPError`, and `internal` where libcurl cannot be loaded; any status is
  /// an answer, not an error.
  public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
    let stream = try await open(request, capacity: 64 << 10)
    let body = try await stream.collect(upTo: request.bodyLimit)
    return HTTPResponse(head: stream.head, body: body)
  }

  /// Sends a request and returns with the head; the body is read from the stream. Throws as `send`.
  public func stream(_ request: HTTPRequest) async throws -> BodyStream {
    try await open(request, capacity: settings.bufferBytes)
  }

  private func open(_ request: HTTPRequest, capacity: Int) async throws -> BodyStream {
    if state.with({ $0.isClosed }) { throw HTTPError(.cancelled, url: request.url, "the client was closed") }
    if Task.isCancelled { throw HTTPError(.cancelled, url: request.url, "cancelled") }
    let engine: Engine
    do {
      engine = try await self.engine()
    } catch is CancellationError {
      throw HTTPError(.cancelled, url: request.url, "cancelled")
    }
    guard var url = HTTPURL(request.url) else {
      throw HTTPError(.invalidRequest, url: request.url, "it is no absolute http or https URL")
    }
    var request = request
    var hops = 0
    while true {
      let stream = try await exchange(request, url, engine, capacity: capacity)
      guard request.followsRedirects, [301, 302, 303, 307, 308].contains(stream.head.status),
        let target = stream.head.headers["Location"]
      else { return stream }
      stream.close()
      hops += 1
      guard hops <= HTTPClient.redirectLimit else {
        throw HTTPError(.malformed, url: request.url, "more than \(HTTPClient.redirectLimit) redirections")
      }
      guard let next = HTTPURL(target, relativeTo: url.text) else {
        throw HTTPError(.malformed, url: request.url, "redirected to something that is no http or https URL")
      }
      if next.origin != url.origin { request.headers.removeSensitive() }
      request.url = next.text
      url = next
    }
  }

  private func exchange(_ request: HTTPRequest, _ url: HTTPURL, _ engine: Engine, capacity: Int) async throws -> BodyStream {
    if Task.isCancelled { throw HTTPError(.cancelled, url: request.url, "cancelled") }
    let transfer = Transfer(request: request, url: url, capacity: capacity)
    guard engine.post(.start(transfer)) else { throw HTTPError(.cancelled, url: request.url, "the client was closed") }
    let head = try await withTaskCancellationHandler {
      try await transfer.head.value()
    } onCancel: {
      transfer.head.fulfill(.failure(HTTPError(.cancelled, url: request.url, "cancelled")))
      engine.post(.cancel(transfer))
    }
    return BodyStream(head: head, transfer: transfer, engine: engine)
  }
}
