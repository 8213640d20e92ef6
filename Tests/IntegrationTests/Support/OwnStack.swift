import Foundation
import Runtime
import Testing

/// A Ceph and a libvirtd of these tests' own, whose daemons they may stop and freeze: started at its first use, taken down when the tests' process is gone.
enum OwnStack {
  private static let stack = Lazy<Stack>()
  private static let workers = WorkerPool(name: "own-stack", threads: 2)

  static func ceph() async throws -> Stack { try await stack.get { try await up("--libvirt") } }

  /// A Ceph of three OSDs: as many as an erasure-coded pool needs for objects of two parts and a third to restore either.
  static func withThreeOSDs() async throws -> Stack { try await wide.get { try await up("--osds", "3") } }

  private static let wide = Lazy<Stack>()

  private static func up(_ words: String...) async throws -> Stack {
    let dir = NSTemporaryDirectory() + "slipway-own-" + UUID().uuidString.prefix(8)
    // In a session of its own: whatever ends the tests, this goes on, and waits for their end.
    let reaper = Process()
    reaper.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
    reaper.arguments = [
      "sh", "-c", "tail --pid=\"$1\" -f /dev/null; exec \"$0\" down --dir \"$2\"", script,
      String(ProcessInfo.processInfo.processIdentifier), dir,
    ]
    reaper.standardOutput = FileHandle.nullDevice
    reaper.standardError = FileHandle.nullDevice
    try reaper.run()
    try await run(["up", "--ceph-only", "--quiet", "--dir", dir] + words)
    return try Stack(at: dir)
  }

  /// `pause`, `resume`, `stop` or `start`.
  static func daemon(_ verb: String, _ name: String) async throws {
    try await run([verb, "--dir", ceph().dir, name])
    // Its socket is a new one.
    if verb == "start", name == "libvirtd" { ServiceUser.give(try await ceph().text("libvirt", "socket")) }
  }

  /// Runs `body` while a daemon is frozen, wakes it in any case, and waits until the cluster answers again.
  static func whilePaused<Value>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
    try await daemon("pause", name)
    do {
      let value = try await body()
      try await daemon("resume", name)
      try await Compare.tool("rados", "-c", ceph().text("ceph", "admin_conf"), "-p", "images", "ls")
      return value
    } catch {
      try await daemon("resume", name)
      throw error
    }
  }

  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../Scripts/stack").standardized.path

  private static func run(_ words: [String]) async throws {
    try await workers.run { _ = try Command.run(script, words).requireSuccess() }
  }
}
