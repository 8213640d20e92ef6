import Foundation
import Runtime
import Testing

/// A volume of 1 GiB of the stack's Cinder, in project `service`.
struct CinderVolume: Sendable {
  /// The only backend of the stack's Cinder, and what lies behind it.
  static let backend = "cinder: { backends: { \"stack@ceph#ceph\": { cluster: main, pool: volumes } } }"
  static let size = Int64(1) << 30

  let stack: Stack
  let id: String
  let token: String

  /// Its RBD image.
  var image: String { "volumes/volume-\(id)" }

  /// A volume that begins with the bytes of `file`, and says that they are an image of the project `owner`.
  static func holding(_ file: String, owner: String?) async throws -> CinderVolume {
    let stack = try Stack.current()
    let token = try await Images.token("agent", project: "service")
    let metadata = owner.map { "{\"image_owner\":\"\($0)\"}" } ?? "{}"
    var made: JSON = .null
    // Its database here is SQLite, and it answers 500 to writers that meet.
    for _ in 0..<10 where made["volume"]["id"].text == nil {
      made = try await ask(stack, token, "POST", "/volumes", "{\"volume\":{\"size\":1,\"name\":\"it\",\"metadata\":\(metadata)}}")
      if made["volume"]["id"].text == nil { try await Task.sleep(for: .milliseconds(300)) }
    }
    let volume = CinderVolume(stack: stack, id: try #require(made["volume"]["id"].text, "\(made)"), token: token)
    try await volume.wait("available")
    // As a real one would be written: into the image that is there.
    let conf = try stack.text("ceph", "admin_conf")
    try await Compare.tool("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", file, "rbd:\(volume.image):id=admin:conf=\(conf)")
    return volume
  }

  /// Deletes it by Cinder, and waits until it is gone.
  func delete() async throws {
    for _ in 0..<10 {
      _ = try? await Self.ask(stack, token, "DELETE", "/volumes/\(id)")
      let seen = try await Self.ask(stack, token, "GET", "/volumes/\(id)")
      if seen["itemNotFound"] != .null || seen["volume"]["status"].text == "deleting" { break }
      try await Task.sleep(for: .milliseconds(300))
    }
    try await wait(nil)
  }

  /// Snapshots of it that somebody named.
  func snapshots() async throws -> [String] {
    let text = try await Compare.tool("rbd", "-c", stack.text("ceph", "admin_conf"), "snap", "ls", image, "--format", "json")
    return try JSON(parsing: text).list.compactMap { $0["name"].text }
  }

  /// What Slipway has noted of snapshots in the pool of volumes.
  func notes() async throws -> String {
    try await rados("listomapkeys", "slipway.snapshots")
  }

  /// `rados` in the pool of volumes; nothing where it fails.
  @discardableResult
  func rados(_ words: String...) async throws -> String {
    let all = ["-c", try stack.text("ceph", "admin_conf"), "-p", "volumes"] + words
    return try await Compare.workers.run { try Command.run("rados", all).output }
  }

  /// Waits until it has that status; nil: until there is no such volume.
  private func wait(_ status: String?) async throws {
    let end = ContinuousClock.now + .seconds(60)
    var seen: JSON = .null
    while ContinuousClock.now < end {
      seen = try await Self.ask(stack, token, "GET", "/volumes/\(id)")
      let now = seen["volume"]["status"].text
      if status == nil ? seen["itemNotFound"] != .null : now == status { return }
      if now?.hasPrefix("error") == true { break }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("volume \(id) is not \(status ?? "gone"): \(seen)")
  }

  private static func ask(_ stack: Stack, _ token: String, _ method: String, _ path: String, _ body: String? = nil) async throws -> JSON {
    let url = try stack.text("cinder") + path
    let words =
      ["-s", "-S", "-X", method, "-H", "X-Auth-Token: \(token)", "-H", "Content-Type: application/json"]
      + (body.map { ["-d", $0] } ?? []) + [url]
    let text = try await Compare.workers.run { try Command.run("curl", words).requireSuccess().output }
    return text.isEmpty ? .null : try JSON(parsing: text)
  }
}
