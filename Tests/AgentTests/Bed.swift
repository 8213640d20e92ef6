import Configuration
import Crypto
import FaultServer
import Files
import Foundation
import Logging
import Model
import OpenStack
import Runtime

@testable import Agent

/// An image as the fake service describes and serves it.
struct FakeImage: Sendable {
  var bytes: [UInt8]
  var status = "active"
  var visibility = "public"
  var algorithm: DigestAlgorithm? = .sha512
  /// An algorithm without a value: still being hashed.
  var isPending = false
  var checksum = false
  /// Tokens that see it; nil for everybody.
  var seenBy: Set<String>?
  var tellsSize = true
  /// Further properties.
  var properties: [String: String] = [:]

  func json(_ id: ImageID) throws -> String {
    var fields: [String: Any] = [
      "id": id.text, "name": "it", "status": status, "visibility": visibility, "owner": "tenant-a", "disk_format": "raw",
      "container_format": "bare", "size": bytes.count, "min_disk": 0, "min_ram": 0, "protected": false, "tags": [String](),
    ]
    if let algorithm {
      fields["os_hash_algo"] = algorithm.rawValue
      fields["os_hash_value"] = isPending ? NSNull() : try Digest.of(bytes, algorithm).hex as Any
    }
    if !tellsSize { fields["size"] = NSNull() }
    fields.merge(properties) { $1 }
    if checksum { fields["checksum"] = try Digest.of(bytes, .md5).hex }
    return String(decoding: try JSONSerialization.data(withJSONObject: fields), as: UTF8.self)
  }
}

/// A host with a store of its own and an image service that says what a test wants.
final class Bed: Sendable {
  static let id = ImageID("1bea47ed-f6a9-463b-b423-14b9cca9ad27")
  let path: String
  let glance: FaultServer
  let image: Locked<FakeImage?>
  /// Whether the service answers at all.
  let isDown = Locked(false)
  /// Whether it answers the first byte and then nothing.
  let hangs = Locked(false)
  let log = Locked<[String]>([])
  /// How the data is sent.
  let change: Locked<(@Sendable (inout FaultReply) -> Void)?> = Locked(nil)

  init(_ image: FakeImage? = FakeImage(bytes: Bed.bytes())) throws {
    var template = Array("\(NSTemporaryDirectory())/slipway-agent-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(errno) }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let (shown, isDown, hangs, change) = (Locked(image), isDown, hangs, change)
    self.image = shown
    glance = try FaultServer { request in
      guard !isDown.with({ $0 }) else { return FaultReply(503, [("Retry-After", "60")]) }
      if hangs.with({ $0 }) {
        return FaultReply(200, body: [1]).with {
          $0.claimed = 100; $0.hang = 1
        }
      }
      guard let id = Bed.id, let image = shown.with({ $0 }), request.path.hasPrefix("/v2/images/\(id)") else { return FaultReply(404) }
      if let seenBy = image.seenBy, !seenBy.contains(request.headers["x-auth-token"] ?? "") { return FaultReply(404) }
      switch request.path {
      case "/v2/images/\(id)": return .json((try? image.json(id)) ?? "")
      case "/v2/images/\(id)/file":
        var reply = FaultReply(200, body: image.bytes)
        change.with { $0 }?(&reply)
        return reply
      default: return FaultReply(404)
      }
    }
  }

  deinit {
    glance.stop()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Bytes that no qcow2 begins with.
  static func bytes(_ count: Int = 300_000, seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251 &+ Int(seed)) }
  }

  /// Runs `body` with an agent under this configuration, and closes it.
  func withAgent<Value>(
    _ more: String = "", onServiceDown: String = "serve-cached", shared: Bool = false, libvirt: String = "none",
    _ body: (Agent) async throws -> Value
  ) async throws -> Value {
    let text = """
      store: { path: \(path)/store, base_format: raw, shared: \(shared), immutable: off }
      disks: { path: \(path)/disks, target: qcow2 }
      libvirt: { uri: "\(libvirt)" }
      allowed_direct_url_schemes: [file]
      file_roots: [\(path)]
      images: { endpoint: "\(glance.url)", on_service_down: \(onServiceDown) }
      \(more)
      """
    let standard = LoadedConfiguration.standardFile
    let system = ConfigurationSystem(
      environment: [:], home: path, read: { $0 == standard ? Array(text.utf8) : nil }, isReadable: { _ in false })
    let agent = try Agent(try LoadedConfiguration.load(system: system).configuration, environment: [:])
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(agent))
    } catch {
      result = .failure(error)
    }
    await agent.close()
    return try result.get()
  }

  var context: RequestContext { watched { _ in } }

  func watched(_ progress: @escaping @Sendable (Model.Progress) -> Void) -> RequestContext {
    let log = log
    return RequestContext(
      logger: {
        var logger = Logger(label: "test") { _ in Capture(lines: log) }
        logger.logLevel = .trace
        return logger
      }(), deadline: .after(.seconds(30)), progress: progress)
  }

  /// The image of the service, asked for by its id.
  func request(_ digest: Digest? = nil, token: String? = nil, purpose: Purpose = .boot) throws -> ImageRequest {
    guard let id = Bed.id else { throw SystemError(EINVAL) }
    return ImageRequest(reference: .id(id), digest: digest, token: token.map { Secret($0) }, purpose: purpose)
  }

  /// A location that an administrator typed.
  func typed(_ url: String, _ digest: Digest? = nil) -> ImageRequest {
    ImageRequest(reference: .location(Location(url: url)), diskFormat: "raw", digest: digest)
  }

  func fetch(_ request: ImageRequest, _ configuration: String = "") async throws -> FetchAnswer {
    try await withAgent(configuration) { try await $0.fetch(request, format: nil, context: context) }
  }

  /// The code with which a fetch fails, nil when it does not.
  func refusal(_ request: ImageRequest, _ configuration: String = "") async -> ErrorCode? {
    do {
      _ = try await fetch(request, configuration)
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }

  /// How often the image's data was asked for.
  var downloads: Int { glance.requests.count { $0.path.hasSuffix("/file") } }

  /// The names in a directory of the store.
  func names(_ directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/store/\(directory)")) ?? []).sorted()
  }
}

/// Keeps every line that is logged.
struct Capture: LogHandler {
  let lines: Locked<[String]>
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .trace

  init(lines: Locked<[String]>) { self.lines = lines }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    lines.with { $0.append("\(event.message) \(all)") }
  }
}
