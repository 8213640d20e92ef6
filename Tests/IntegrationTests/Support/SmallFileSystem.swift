import Foundation
import Testing

/// A small tmpfs at a directory of the test; needs root, as the hypervisor's agent has it.
final class SmallFileSystem: Sendable {
  let path: String

  init(_ path: String, kilobytes: Int) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Command.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k,mode=755", "slipway-test", path]).requireSuccess()
    ServiceUser.give(path)
    self.path = path
  }

  /// Whatever is still open goes with its last descriptor.
  deinit { _ = umount2(path, 2) }

  /// Free bytes.
  func free() throws -> Int64 {
    let attributes = try FileManager.default.attributesOfFileSystem(forPath: path)
    return try #require(attributes[.systemFreeSize] as? NSNumber).int64Value
  }

  /// Fills it up to `bytes` free ones.
  func fill(leaving bytes: Int64) throws {
    let count = max(0, try free() - bytes)
    try Data(count: Int(count)).write(to: URL(fileURLWithPath: path + "/ballast"))
  }
}
