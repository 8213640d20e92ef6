import Foundation
import Runtime
import Testing

/// Judges that are not ours: `cmp`, `qemu-img`, `rbd export`.
enum Compare {
  static let workers = WorkerPool(name: "compare", threads: 8)

  /// Runs a program that must succeed, and returns what it prints.
  @discardableResult
  static func tool(_ program: String, _ arguments: String...) async throws -> String { try await tool(program, arguments) }

  @discardableResult
  static func tool(_ program: String, _ arguments: [String]) async throws -> String {
    try await workers.run { try Command.run(program, arguments).requireSuccess().output }
  }

  /// Two files with the same bytes.
  static func same(_ a: String, _ b: String) async throws { try await tool("cmp", a, b) }

  /// Two disks that read the same to a guest, and a qcow2 whose metadata is sound.
  static func guest(_ a: String, _ format: String, _ b: String, _ otherFormat: String) async throws {
    if format == "qcow2" { try await tool("qemu-img", "check", "-q", "-f", "qcow2", a) }
    try await tool("qemu-img", "compare", "-q", "-f", format, "-F", otherFormat, a, b)
  }

  /// What `qemu-img info` says of one file.
  static func info(_ file: String) async throws -> JSON {
    try JSON(parsing: try await tool("qemu-img", "info", "--output=json", file))
  }

  /// An RBD image's bytes, exported to a file.
  static func exported(_ image: String, _ stack: Stack, to file: String) async throws -> String {
    try await tool("rbd", "-c", stack.text("ceph", "admin_conf"), "export", image, file, "--no-progress")
    return file
  }

  /// What `rbd info` says.
  static func rbd(_ image: String, _ stack: Stack) async throws -> JSON {
    try JSON(parsing: try await tool("rbd", "-c", stack.text("ceph", "admin_conf"), "info", image, "--format", "json"))
  }

  /// An RBD image with a protected snapshot `snap` in `images`, as `Stack.makeImage`, without blocking a cooperative thread.
  static func image(_ name: String, _ file: String, _ stack: Stack, protect: Bool = true) async throws {
    try await workers.run { try stack.makeImage(name, file: file, protect: protect) }
  }

  /// Removes what `image` made.
  static func removeImage(_ name: String, _ stack: Stack) async throws { try await workers.run { stack.removeImage(name) } }
}
