internal import Wire

/// One thing that can be asked.
struct Endpoint: Sendable {
  var method: String
  /// As in `/v1/disks/{name}`.
  var path: String
  /// Whether it changes anything, so that a reader may not.
  var changes: Bool
  var takesBody = false
  /// The query's keys.
  var parameters: [String] = []
  var handler: @Sendable (API, Call) async throws -> APIResponse

  private var places: [Substring] { path.dropFirst().split(separator: "/") }

  func matches(_ parts: [String]) -> Bool {
    let places = places
    return places.count == parts.count && zip(places, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
  }

  func names(_ parts: [String]) -> [String: String] {
    var names: [String: String] = [:]
    for (place, part) in zip(places, parts) where place.hasPrefix("{") { names[String(place.dropFirst().dropLast())] = part }
    return names
  }

  /// All of them.
  static let all: [Endpoint] = [
    Endpoint(method: "GET", path: "/healthz", changes: false) { _, _ in
      APIResponse(200, type: "text/plain; charset=utf-8", Array("ok\n".utf8))
    },
    Endpoint(method: "GET", path: "/readyz", changes: false) { try await $0.ready($1) },
    Endpoint(method: "GET", path: "/metrics", changes: false) { api, _ in try api.metrics() },
    Endpoint(method: "GET", path: "/v1/openapi.json", changes: false) { _, _ in APIResponse(200, Array(OpenAPI.text.utf8)) },
    Endpoint(method: "GET", path: "/v1/agent", changes: false) { try $0.describe($1) },
    Endpoint(method: "POST", path: "/v1/plans", changes: false, takesBody: true) { try await $0.plan($1) },
    Endpoint(method: "GET", path: "/v1/disks", changes: false) { _, call in try .json(try await call.service.engine.disks(call.context)) },
    Endpoint(method: "POST", path: "/v1/disks", changes: true, takesBody: true, parameters: ["wait"]) { try await $0.createDisk($1) },
    Endpoint(method: "GET", path: "/v1/disks/{name}", changes: false, parameters: ["xml", "device", "discard", "detect_zeroes"]) {
      try await $0.disk($1)
    },
    Endpoint(method: "DELETE", path: "/v1/disks/{name}", changes: true, parameters: ["detach", "wait"]) { try await $0.deleteDisk($1) },
    Endpoint(method: "POST", path: "/v1/disks/{name}/resize", changes: true, takesBody: true, parameters: ["wait"]) {
      try await $0.resize($1)
    },
    Endpoint(method: "POST", path: "/v1/disks/{name}/flatten", changes: true, parameters: ["wait"]) { try await $0.flatten($1) },
    Endpoint(method: "GET", path: "/v1/fetches", changes: false) { api, _ in try api.list([.fetch]) },
    Endpoint(method: "POST", path: "/v1/fetches", changes: true, takesBody: true, parameters: ["wait"]) { try await $0.fetch($1) },
    Endpoint(method: "GET", path: "/v1/prewarm-jobs", changes: false) { api, _ in try api.list([.prewarm]) },
    Endpoint(method: "POST", path: "/v1/prewarm-jobs", changes: true, takesBody: true, parameters: ["wait"]) { try await $0.prewarm($1) },
    Endpoint(method: "GET", path: "/v1/bases", changes: false) { _, call in
      try .json(try await call.service.engine.bases(of: nil, call.context))
    },
    Endpoint(method: "GET", path: "/v1/bases/{image}", changes: false) { _, call in
      try .json(try await call.service.engine.bases(of: call.names["image"], call.context))
    },
    Endpoint(method: "GET", path: "/v1/operations", changes: false) { api, _ in try api.list(nil) },
    Endpoint(method: "GET", path: "/v1/operations/{id}", changes: false, parameters: ["wait"]) { try await $0.operation($1) },
    Endpoint(method: "GET", path: "/v1/operations/{id}/events", changes: false) { APIResponse(events: try $0.find($1)) },
    Endpoint(method: "DELETE", path: "/v1/operations/{id}", changes: true) { try $0.cancel($1) },
  ]
}
