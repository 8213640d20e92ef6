import Foundation
import Model
import Testing

/// The running test bed (`Scripts/stack up`), as `SLIPWAY_STACK` names it.
struct Stack: Sendable {
  let dir: String
  private let data: Data

  /// The test bed. Its absence is a failure, never a skip.
  static func current() throws -> Stack {
    let dir = try #require(
      ProcessInfo.processInfo.environment["SLIPWAY_STACK"], "run Scripts/test, or set SLIPWAY_STACK to a running stack")
    return try Stack(at: dir)
  }

  /// The test bed in a directory.
  init(at dir: String) throws {
    self.dir = dir
    data = try Data(contentsOf: URL(fileURLWithPath: dir + "/stack.json"))
  }

  /// A string at a path of keys.
  func text(_ path: String...) throws -> String {
    try #require(find(path), "stack.json has no \(path.joined(separator: "."))")
  }

  /// The clouds, where there is an OpenStack.
  var clouds: String? { find(["clouds_yaml"]) }

  private func find(_ path: [String]) -> String? {
    var value = try? JSONSerialization.jsonObject(with: data)
    for key in path { value = (value as? [String: Any])?[key] }
    return value as? String
  }

  var conf: String { get throws { try text("ceph", "conf") } }
  var conf2: String { get throws { try text("ceph2", "conf") } }
  var fsid: String { get throws { try text("ceph", "fsid") } }
  var fsid2: String { get throws { try text("ceph2", "fsid") } }

  /// Runs the `rbd` command as the cluster's administrator and returns what it prints.
  @discardableResult
  func rbd(_ arguments: String..., cluster: String = "ceph") throws -> String { try rbd(arguments, cluster: cluster) }

  /// As above.
  @discardableResult
  func rbd(_ arguments: [String], cluster: String = "ceph") throws -> String {
    try Command.run("rbd", ["-c", try text(cluster, "admin_conf")] + arguments).requireSuccess().output
  }

  /// Runs the `ceph` command as the cluster's administrator.
  @discardableResult
  func ceph(_ arguments: String..., cluster: String = "ceph") throws -> String {
    try Command.run("ceph", ["-c", try text(cluster, "admin_conf")] + arguments).requireSuccess().output
  }

  /// An RBD image in the pool `images` with the bytes of `file`, and a protected snapshot `snap`, as Glance makes them.
  func makeImage(_ name: String, file: String, order: Int = 23, protect: Bool = true, cluster: String = "ceph") throws {
    try rbd("import", "--image-format", "2", "--object-size", String(1 << order), file, "images/\(name)", "--no-progress", cluster: cluster)
    try rbd("snap", "create", "images/\(name)@snap", "--no-progress", cluster: cluster)
    if protect { try rbd("snap", "protect", "images/\(name)@snap", cluster: cluster) }
  }

  /// Removes an image of `makeImage` and its clones' leftovers, quietly.
  func removeImage(_ name: String, cluster: String = "ceph") {
    _ = try? rbd("snap", "unprotect", "images/\(name)@snap", cluster: cluster)
    _ = try? rbd("snap", "purge", "images/\(name)", "--no-progress", cluster: cluster)
    _ = try? rbd("rm", "images/\(name)", "--no-progress", cluster: cluster)
  }
}

/// A directory that goes with the test.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "slipway-it-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// A sparse raw file: random bytes of a seed in runs, holes between.
  func sparse(_ name: String, size: Int64, runs: [(offset: Int64, length: Int)], seed: UInt64) throws -> String {
    var random = SplitMix(state: seed)
    let path = file(name)
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    for run in runs {
      try handle.seek(toOffset: UInt64(run.offset))
      var bytes = Data(capacity: run.length)
      while bytes.count < run.length { withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) } }
      try handle.write(contentsOf: bytes.prefix(run.length))
    }
    try handle.truncate(atOffset: UInt64(size))
    try handle.close()
    return path
  }
}

/// A small seeded generator (Steele, Lea and Flood's SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
