import Foundation
import Runtime
import Testing

/// A TCG guest whose disks are files that the test made; nobody knows of it until it is defined or started.
struct Machine: Sendable {
  /// A disk as the definition names it.
  struct Disk: Sendable {
    var path: String
    var format = "qcow2"
  }

  let name = "slipway-it-" + UUID().uuidString.lowercased().prefix(8)
  let virsh: Virsh
  private let file: String

  init(_ virsh: Virsh, _ scratch: Scratch, disks: [Disk]) throws {
    self.virsh = virsh
    file = scratch.file(name + ".xml")
    let elements = zip(disks, "abcdefgh").map { disk, letter in
      """
      <disk type='file' device='disk'><driver name='qemu' type='\(disk.format)'/><source file='\(disk.path)'/>\
      <target dev='vd\(letter)' bus='virtio'/></disk>
      """
    }
    try Guest.xml(name, disks: elements, console: scratch.file(name + ".console")).write(toFile: file, atomically: true, encoding: .utf8)
  }

  func define() async throws { try await virsh("define", file) }
  func start() async throws { try await virsh("start", name) }
  /// Starts it without a definition.
  func create() async throws { try await virsh("create", file) }

  /// Ends and forgets it, whatever it is.
  func remove() async {
    _ = try? await virsh.succeeds("destroy", name)
    _ = try? await virsh.succeeds("undefine", name, "--managed-save", "--snapshots-metadata")
  }

  /// Runs `body`, and removes the machine in any case.
  func during<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      let value = try await body()
      await remove()
      return value
    } catch {
      await remove()
      throw error
    }
  }
}

/// Holds the locks of bases, as another process at work on them does, until it is told to let go.
final class LockHolder: Sendable {
  private let program: Program

  /// Takes the locks that lie in `paths`, of open file descriptions (`F_OFD_SETLKW`).
  init(_ paths: [String]) async throws {
    let script = """
      import fcntl, os, struct, sys, time
      for path in sys.argv[2:]:
          fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
          fcntl.fcntl(fd, 38, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0))
      open(sys.argv[1], 'w').close()
      time.sleep(60)
      """
    let sign = NSTemporaryDirectory() + "slipway-holds-" + UUID().uuidString
    program = try Program.start("/usr/bin/python3", ["-c", script, sign] + paths, environment: ["PATH": "/usr/bin:/bin"])
    try await eventually("the locks are held") { FileManager.default.fileExists(atPath: sign) }
    try FileManager.default.removeItem(atPath: sign)
  }

  func release() async throws {
    kill(program.pid, SIGKILL)
    _ = try await program.wait()
  }
}
