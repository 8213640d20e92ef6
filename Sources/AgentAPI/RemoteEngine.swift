internal import Foundation
internal import Glibc
internal import HTTPClient
internal import Model
public import OpenStack
public import Runtime
public import Wire

/// The agent behind a daemon's socket. What it answers is what the daemon's own agent answers; a caller who is cancelled cancels there.
public struct RemoteEngine: Engine {
  let http: HTTPClient
  let socket: String
  let mark: String
  /// Within this what is quick is answered at once; what takes longer is followed.
  private static let patience = 2

  /// The daemon behind `socket`; `mark` is this program's configuration, which the daemon compares with its own.
  public init(socket: String, mark: String) {
    var settings = HTTPClient.Settings()
    settings.unixSocket = socket
    settings.connectTimeout = .seconds(5)
    // Life signs come every quarter of a minute, and no answer takes longer than that without one.
    settings.stallBytes = 1
    settings.stallTimeout = .seconds(120)
    http = HTTPClient(settings: settings)
    self.socket = socket
    self.mark = mark
  }

  /// Whether a daemon listens there that this process may talk to.
  public static func isThere(_ socket: String) -> Bool {
    access(socket, R_OK | W_OK) == 0 && UnixSocket.isAnswered(socket)
  }

  /// Closes the connection.
  public func close() async { await http.close() }

  public func createDisk(_ request: DiskRequestDocument, token: Secret?, _ context: RequestContext) async throws -> DiskDocument {
    var request = request
    request.deadline = Self.seconds(context.deadline)
    return try await operate(.post, "/v1/disks", request, token, context) {
      if case .disk(let document) = $0 { document } else { nil }
    }
  }

  public func disks(_ context: RequestContext) async throws -> DiskListDocument { try await get("/v1/disks", context) }

  public func disk(_ name: String, element: ElementWishes, _ context: RequestContext) async throws -> DiskDocument {
    var query: [String] = []
    if element.always { query.append("xml=true") }
    for (key, value) in [("device", element.device), ("discard", element.discard), ("detect_zeroes", element.detectZeroes)] {
      if let value { query.append("\(key)=\(Self.encoded(value))") }
    }
    let name = try DiskName(name).text
    return try await get("/v1/disks/\(name)" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")), context)
  }

  public func deleteDisk(_ name: String, detach: Bool, _ context: RequestContext) async throws -> DeletionDocument {
    let name = try DiskName(name).text
    return try await operate(.delete, "/v1/disks/\(name)" + (detach ? "?detach=true" : ""), nil as ResizeRequestDocument?, nil, context) {
      if case .deletion(let document) = $0 { document } else { nil }
    }
  }

  public func resizeDisk(_ name: String, to size: Int64, _ context: RequestContext) async throws -> DiskChangeDocument {
    let name = try DiskName(name).text
    return try await operate(.post, "/v1/disks/\(name)/resize", ResizeRequestDocument(size: size), nil, context) {
      if case .change(let document) = $0 { document } else { nil }
    }
  }

  public func flattenDisk(_ name: String, _ context: RequestContext) async throws -> DiskChangeDocument {
    let name = try DiskName(name).text
    return try await operate(.post, "/v1/disks/\(name)/flatten", nil as ResizeRequestDocument?, nil, context) {
      if case .change(let document) = $0 { document } else { nil }
    }
  }

  public func fetch(_ request: FetchRequestDocument, token: Secret?, _ context: RequestContext) async throws -> FetchDocument {
    var request = request
    request.deadline = Self.seconds(context.deadline)
    return try await operate(.post, "/v1/fetches", request, token, context) {
      if case .fetch(let document) = $0 { document } else { nil }
    }
  }

  public func prewarm(_ request: PrewarmRequestDocument, _ context: RequestContext) async throws -> PrewarmDocument {
    var request = request
    request.deadline = Self.seconds(context.deadline)
    return try await operate(.post, "/v1/prewarm-jobs", request, nil, context) {
      if case .prewarm(let document) = $0 { document } else { nil }
    }
  }

  public func plan(_ request: PlanRequestDocument, token: Secret?, _ context: RequestContext) async throws -> PlanDocument {
    var request = request
    request.deadline = Self.seconds(context.deadline)
    return try Self.read(try await send(.post, "/v1/plans", try Self.body(request), token, context))
  }

  public func bases(of image: String?, _ context: RequestContext) async throws -> CacheDocument {
    try await get("/v1/bases" + (image.map { "/" + Self.encoded($0) } ?? ""), context)
  }

  public func parts(_ context: RequestContext) async -> [ReadinessDocument.Part] {
    guard let answer = try? await exchange(.get, "/readyz", nil, nil, context) else { return [] }
    return (try? WireCoding.decode(ReadinessDocument.self, answer.body))?.parts ?? []
  }

  // MARK: - The way there

  private func get<Document: Decodable>(_ path: String, _ context: RequestContext) async throws -> Document {
    try Self.read(try await send(.get, path, nil, nil, context))
  }

  /// Asks for what may take long: answered at once where it can be, else followed to its end.
  private func operate<Document: Decodable & Sendable>(
    _ method: HTTPRequest.Method, _ path: String, _ request: (some RequestDocument)?, _ token: Secret?, _ context: RequestContext,
    _ pick: @escaping @Sendable (OperationResult) -> Document?
  ) async throws -> Document {
    let body = try request.map { try Self.body($0) }
    let patient = path + (path.contains("?") ? "&" : "?") + "wait=\(Self.patience)s"
    var known: String?
    do {
      let answer = try await send(method, patient, body, token, context)
      guard answer.status == 202 else { return try Self.read(answer) }
      let operation = try WireCoding.decode(OperationDocument.self, answer.body)
      known = operation.id
      let end = try await follow(operation, context)
      if let error = end.error { throw error.slipwayError }
      guard let result = end.result, let document = pick(result) else { throw lost("it told no end of what was asked for") }
      return document
    } catch {
      guard Task.isCancelled || SlipwayError.wrap(error).code == .cancelled else { throw error }
      await cancel(known, context)
      throw CancellationError()
    }
  }

  /// Tells the daemon that nobody waits any more, in a task of its own, since this one is cancelled.
  private func cancel(_ known: String?, _ context: RequestContext) async {
    let engine = self
    await Task {
      var own = RequestContext(logger: context.logger, deadline: .after(.seconds(10)))
      own.progress = { _ in }
      var ids = known.map { [$0] } ?? []
      if known == nil, let list: OperationListDocument = try? await engine.get("/v1/operations", own) {
        ids = list.operations.filter { $0.request == context.id && !$0.state.isFinal }.map(\.id)
      }
      for id in ids {
        _ = try? await engine.exchange(.delete, "/v1/operations/\(id)", nil, nil, own)
        // What it touched is let go of before the caller goes on.
        _ = try? await engine.exchange(.get, "/v1/operations/\(id)?wait=10s", nil, nil, own)
      }
    }.value
  }

  /// Follows an operation's events to its end, and tells its progress.
  private func follow(_ operation: OperationDocument, _ context: RequestContext) async throws -> OperationDocument {
    var failures = 0
    while true {
      do {
        let stream = try await http.stream(request(.get, "/v1/operations/\(operation.id)/events", nil, nil, context))
        guard stream.head.status == 200 else {
          throw Self.problem(stream.head.status, try await stream.collect(upTo: 1 << 20))
        }
        if let end = try await events(stream, context) { return end }
        failures += 1
      } catch let error as HTTPError where error.kind != .cancelled {
        failures += 1
      }
      try Task.checkCancellation()
      try context.deadline.check("waiting for the daemon")
      // A daemon that is started again goes on with fetches, under their ids.
      guard failures < 60 else { throw lost("it went away") }
      try await Task.sleep(for: .milliseconds(500))
      if !Self.isThere(socket), failures > 20 { throw lost("it went away") }
    }
  }

  private func events(_ stream: BodyStream, _ context: RequestContext) async throws -> OperationDocument? {
    let buffer = Buffer(capacity: 64 << 10)
    var rest: [UInt8] = []
    while true {
      let count = try await stream.next(into: buffer)
      if count == 0 { return nil }
      rest.append(contentsOf: buffer.memory[..<count])
      guard rest.count <= 8 << 20 else { throw lost("its events have no end") }
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = Array(rest[..<end])
        rest.removeFirst(end + 1)
        guard line.starts(with: Array("data: ".utf8)) else { continue }
        let document = try WireCoding.decode(OperationDocument.self, Array(line.dropFirst(6)))
        if document.state.isFinal { return document }
        if let phase = document.phase.flatMap({ Model.Progress.Phase(rawValue: $0) }) {
          context.progress(Model.Progress(phase: phase, position: document.position, total: document.total))
        }
      }
    }
  }

  private func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]?, _ token: Secret?, _ context: RequestContext
  ) async throws -> HTTPResponse {
    let answer = try await exchange(method, path, body, token, context)
    guard (200..<300).contains(answer.status) else { throw Self.problem(answer.status, answer.body) }
    return answer
  }

  private func exchange(
    _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]?, _ token: Secret?, _ context: RequestContext
  ) async throws -> HTTPResponse {
    do {
      return try await http.send(request(method, path, body, token, context))
    } catch let error as HTTPError {
      if error.kind == .cancelled { throw CancellationError() }
      if error.kind == .timeout {
        throw SlipwayError(.timeout, "the deadline passed before the request was done", hint: "give more time with --deadline")
      }
      throw lost(error.detail)
    }
  }

  private func request(
    _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8]?, _ token: Secret?, _ context: RequestContext
  ) -> HTTPRequest {
    var request = HTTPRequest(method, "http://slipway" + path, body: body, redirects: .never, bodyLimit: 64 << 20)
    if body != nil { request.headers["Content-Type"] = "application/json" }
    if let token { request.headers["X-Auth-Token"] = token.value }
    request.headers["X-OpenStack-Request-ID"] = context.id
    request.headers["X-Slipway-Configuration"] = mark
    // The daemon keeps the deadline itself, and tells more than a broken connection does.
    request.deadline = context.deadline.instant.map { Deadline($0 + .seconds(20)) } ?? .never
    return request
  }

  private func lost(_ reason: String) -> SlipwayError {
    SlipwayError(
      .agentUnavailable, "the daemon behind '\(socket)' did not answer: \(reason)", object: socket,
      hint: "look at: systemctl status slipway; or work without it: --standalone")
  }

  private static func problem(_ status: Int, _ body: [UInt8]) -> SlipwayError {
    if let problem = try? WireCoding.decode(ProblemDocument.self, body) { return problem.error }
    return SlipwayError(.internalError, "the daemon answered with status \(status)")
  }

  private static func read<Document: Decodable>(_ answer: HTTPResponse) throws -> Document {
    do {
      return try WireCoding.decode(Document.self, answer.body)
    } catch {
      throw SlipwayError(
        .internalError, "the daemon's answer cannot be read: \(error)", hint: "is it of another version? restart it, or use --standalone")
    }
  }

  private static func body(_ request: some RequestDocument) throws -> [UInt8] { Array(try WireCoding.text(request).utf8) }

  private static func seconds(_ deadline: Deadline) -> Double? { deadline.remaining.map { min(604_800, max(1, $0.seconds)) } }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95, 126].contains(byte)
      return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }
}
