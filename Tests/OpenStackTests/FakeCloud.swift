import FaultServer
import HTTPClient
import Logging
import Model
import OpenStack
import Runtime

/// A cloud of one server: Keystone under `/identity/v3`, Glance under `/image`. Each test says how Glance answers.
final class FakeCloud: Sendable {
  let server: FaultServer
  let http: HTTPClient
  let glance: GlanceClient

  static let imageID = "1bea47ed-f6a9-463b-b423-14b9cca9ad27"
  static var id: ImageID { get throws { try ImageID(imageID).orThrow() } }
  static let password = "hunter2-password"

  /// What a Glance handler is told: the request, its path without `/image`, and how often that path was asked before.
  struct Ask: Sendable {
    var request: FaultServer.Request
    var path: String
    var before: Int
    var token: String? { request.headers["x-auth-token"] }
  }

  init(
    roles: [String] = ["admin", "service"], lifetime: Int = 3600, catalogPath: String = "/image", authenticated: Bool = true,
    change: (inout CloudConfiguration) -> Void = { _ in }, keystone: (@Sendable (Int) -> FaultReply?)? = nil,
    settings: (inout HTTPClient.Settings) -> Void = { _ in }, retry changeRetry: (inout RetryPolicy) -> Void = { _ in },
    glance answer: @escaping @Sendable (Ask) -> FaultReply
  ) throws {
    let counts = Locked<[String: Int]>([:])
    let here = Locked("")
    server = try FaultServer { request in
      let before = counts.with { counts -> Int in
        defer { counts[request.path, default: 0] += 1 }
        return counts[request.path, default: 0]
      }
      if request.path == "/identity/v3/auth/tokens" {
        if let reply = keystone?(before) { return reply }
        let url = here.with { $0 }
        return FakeCloud.token("token-\(before + 1)", roles: roles, lifetime: lifetime, image: url + catalogPath)
      }
      guard request.path.hasPrefix("/image/") else { return FaultReply(404) }
      return answer(Ask(request: request, path: String(request.path.dropFirst(6)), before: before))
    }
    let url = server.url
    here.with { $0 = url }
    var cloud: CloudConfiguration
    if authenticated {
      let environment = [
        "OS_AUTH_URL": server.url + "/identity", "OS_USERNAME": "agent", "OS_PASSWORD": FakeCloud.password, "OS_PROJECT_NAME": "service",
      ]
      cloud = try CloudFiles(environment: environment, currentDirectory: "/nonexistent", systemDirectory: "/nonexistent").load(nil)
    } else {
      cloud = CloudConfiguration(endpoint: server.url + "/image")
    }
    change(&cloud)
    var base = HTTPClient.Settings()
    base.connectTimeout = .seconds(5)
    base.stallTimeout = .seconds(5)
    settings(&base)
    http = HTTPClient(settings: cloud.httpSettings(base))
    var retry = RetryPolicy()
    retry.pause = .milliseconds(5)
    changeRetry(&retry)
    glance = GlanceClient(cloud: cloud, http: http, retry: retry)
  }

  /// A context with a deadline.
  func context(_ deadline: Duration = .seconds(20)) -> RequestContext {
    RequestContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, deadline: .after(deadline))
  }

  /// Keystone's answer.
  static func token(_ text: String, roles: [String] = ["admin"], lifetime: Int = 3600, image: String) -> FaultReply {
    let roleList = roles.map { #"{"id":"r","name":"\#($0)"}"# }.joined(separator: ",")
    let minutes = lifetime / 60
    let expires = "2026-05-05T\(10 + minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60):00.000000Z"
    let endpoints = ["public", "internal"].map { #"{"interface":"\#($0)","region":"R1","region_id":"R1","url":"\#(image)"}"# }
    let body = """
      {"token":{"methods":["password"],"issued_at":"2026-05-05T10:00:00.000000Z","expires_at":"\(expires)","roles":[\(roleList)],
      "user":{"id":"u1","name":"agent"},"project":{"id":"p1","name":"service"},
      "catalog":[{"type":"compute","endpoints":[]},{"type":"key-manager","endpoints":[\(endpoints.joined(separator: ","))]},{"type":"block-storage","endpoints":[\(endpoints.joined(separator: ","))]},{"type":"image","name":"glance","endpoints":[\(endpoints.joined(separator: ","))]}]}}
      """
    return .json(body, status: 201, headers: [("X-Subject-Token", text)])
  }

  /// An active raw image with `extra` members (`"a":1,` form), Glance's own fields first.
  static func image(_ extra: String = "", id: String = imageID, name: String = "ubuntu", status: String = "active") -> String {
    let hash = String(repeating: "ab", count: 64)
    let known = [
      "os_hash_algo": "\"sha512\"", "os_hash_value": "\"\(hash)\"", "checksum": "\"\(String(repeating: "0a", count: 16))\"",
      "size": "1048576", "virtual_size": "null", "min_disk": "0",
    ]
    let plain = known.filter { !extra.contains("\"\($0.key)\"") }.map { "\"\($0.key)\":\($0.value)," }.joined()
    return """
      {\(extra)\(plain)"id":"\(id)","name":"\(name)","status":"\(status)","visibility":"public","owner":"p1","protected":false,
      "os_hidden":false,"container_format":"bare","disk_format":"raw","min_ram":0,"tags":[],"self":"/v2/images/\(id)"}
      """
  }
}

extension Optional {
  struct Absent: Error {}
  /// The value, or an error that fails the test.
  func orThrow() throws -> Wrapped {
    guard let self else { throw Absent() }
    return self
  }
}

/// The error of ours that `body` throws.
func failure<T>(_ body: () async throws -> T) async -> SlipwayError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? SlipwayError
  }
}
