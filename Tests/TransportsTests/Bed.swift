import FaultServer
import Files
import Foundation
import HTTPClient
import Logging
import Model
import Runtime
import TestSupport
import Transfer
import Transports

/// A directory of its own, and what a transfer needs.
final class Bed: Sendable {
  let directory: Directory
  let workers = WorkerPool(name: "test", threads: 2)
  let context = RequestContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  let budget = ByteBudget(capacity: 4 << 20)

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/slipway-transports-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(errno) }
    directory = try Directory.open(String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit {
    try? directory.close()
    try? FileManager.default.removeItem(atPath: directory.path)
  }

  /// A new file with these bytes.
  func file(_ name: String, _ bytes: [UInt8] = []) throws -> File {
    let file = try directory.createFile(name)
    if !bytes.isEmpty { try file.write(bytes, at: 0) }
    return file
  }

  func run(_ source: any RandomAccessSource, to sink: any Sink, _ observers: any Observer...) async throws -> ByteTally {
    var options = TransferOptions()
    options.backoff = .milliseconds(1)
    return try await Transfer.run(
      from: source, to: sink, observers: observers, options: options, budget: budget, workers: workers, context: context)
  }

  func run(_ source: any SequentialSource, to sink: any Sink) async throws -> ByteTally {
    try await Transfer.run(from: source, to: sink, budget: budget, workers: workers, context: context)
  }

  /// The code with which `body` fails, nil when it does not.
  static func code(_ body: () async throws -> Void) async -> ErrorCode? {
    do {
      try await body()
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }
}

/// A body on a server that misbehaves, and a source over it as the agent makes one.
final class Served: Sendable {
  let server: FaultServer
  let http: HTTPClient
  let source: BodySource

  init(
    size: Int64? = nil, isImmutable: Bool = false, stall: Duration = .seconds(10), retries: Int = 4,
    _ answer: @escaping @Sendable (FaultServer.Request) -> FaultReply
  ) async throws {
    let server = try FaultServer(answer)
    var settings = HTTPClient.Settings()
    settings.stallTimeout = stall
    let http = HTTPClient(settings: settings)
    let url = "\(server.url)/image"
    @Sendable func open(from offset: Int64) async throws -> BodyStream {
      let stream = try await http.stream(HTTPRequest(.get, url, range: offset > 0 ? HTTPRange(first: offset) : nil))
      guard stream.head.status < 300 else {
        let code: ErrorCode = stream.head.status == 404 ? .sourceNotFound : .sourceFailed
        stream.close()
        throw SlipwayError(code, "HTTP \(stream.head.status)")
      }
      return stream
    }
    self.server = server
    self.http = http
    source = BodySource(
      object: "it", size: size, first: try await open(from: 0), isImmutable: isImmutable, retries: retries, pause: .milliseconds(1),
      open: open)
  }

  func close() async {
    source.close()
    await http.close()
    server.stop()
  }
}

extension FaultServer.Request {
  /// The first byte that is asked for.
  var first: Int { Int(headers["range"]?.dropFirst("bytes=".count).prefix { $0 != "-" } ?? "") ?? 0 }
}

extension FaultReply {
  /// What a good server answers to a request for `body` from `first` on, with an entity tag.
  static func part(of body: [UInt8], from first: Int, tag: String? = "\"a\"") -> FaultReply {
    var headers = tag.map { [("ETag", $0)] } ?? []
    if first > 0 { headers.append(("Content-Range", "bytes \(first)-\(body.count - 1)/\(body.count)")) }
    return FaultReply(first > 0 ? 206 : 200, headers, body: Array(body[first...]))
  }
}
