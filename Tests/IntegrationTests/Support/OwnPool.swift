import Foundation
import Testing

/// A pool of one test alone, for what concerns all that lies in a pool. Its host connects as an administrator, since caps name pools.
struct OwnPool {
  let name = "it-bases-" + UUID().uuidString.lowercased().prefix(8)
  let stack: Stack

  init(_ stack: Stack) async throws {
    self.stack = stack
    let conf = try stack.text("ceph", "admin_conf")
    try await Compare.tool("ceph", "-c", conf, "osd", "pool", "create", name, "4")
    try await Compare.tool("rbd", "-c", conf, "pool", "init", name)
  }

  /// A host whose bases lie in this pool; `limits` are further keys of `bases`.
  func host(limits: String = "", _ change: (inout Settings, Scratch) throws -> Void = { _, _ in }) throws -> Host {
    let (stack, name) = (stack, name)
    return try Host { settings, scratch in
      settings.clusters[0].conf = try stack.text("ceph", "admin_conf")
      settings.clusters[0].user = "admin"
      settings.clusters[0].imageUser = nil
      settings.more = ["bases: { pool: \(name)\(limits) }", "clean: { min_age: 0s }"]
      try change(&settings, scratch)
    }
  }

  /// The RBD images in it.
  func images() async throws -> [String] {
    try await Compare.tool("rbd", "-c", stack.text("ceph", "admin_conf"), "ls", name).split(separator: "\n").map(String.init)
  }

  /// What lies in its trash.
  func trash() async throws -> [String] {
    try await Compare.tool("rbd", "-c", stack.text("ceph", "admin_conf"), "trash", "ls", name).split(separator: "\n").map(String.init)
  }

  func remove() async throws {
    try await Compare.tool(
      "ceph", "-c", stack.text("ceph", "admin_conf"), "osd", "pool", "rm", name, name, "--yes-i-really-really-mean-it")
  }

  /// Runs `body` on a pool of its own, which goes afterwards.
  static func with(_ body: (OwnPool) async throws -> Void) async throws {
    let pool = try await OwnPool(Stack.current())
    do {
      try await body(pool)
    } catch {
      try? await pool.remove()
      throw error
    }
    try await pool.remove()
  }
}
