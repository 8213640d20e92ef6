import Files
import Foundation
import Model
import Testing

/// A directory on a file system that has the immutable flag, for tests that run as root: the given one, or a small ext4 mounted over it. What is
/// immutable in it is made changeable at the end, so that it can be removed.
final class FlaggedFileSystem: Sendable {
  let path: String
  private let isMounted: Bool

  init(at path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    self.path = path
    let directory = try Directory.open(path)
    defer { try? directory.close() }
    let probe = try directory.createFile("probe")
    defer {
      try? probe.close()
      _ = try? directory.remove("probe")
    }
    if (try? probe.setImmutable(true)) == true {
      try probe.setImmutable(false)
      isMounted = false
      return
    }
    let image = path + ".ext4"
    try FlaggedFileSystem.run("truncate", "-s", "64M", image)
    try FlaggedFileSystem.run("mkfs.ext4", "-q", image)
    try FlaggedFileSystem.run("mount", "-o", "loop", image, path)
    isMounted = true
  }

  /// Before what it lies in is removed. Twice changes nothing.
  func release() {
    for name in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
      guard let slash = name.lastIndex(of: "/"), let directory = try? Directory.open("\(path)/\(name[..<slash])"),
        let file = try? directory.openFile(String(name[name.index(after: slash)...]))
      else { continue }
      if (try? file.isImmutable()) == true { _ = try? file.setImmutable(false) }
      try? file.close()
      try? directory.close()
    }
    if isMounted { try? FlaggedFileSystem.run("umount", "-l", path) }
  }

  deinit { release() }

  private static func run(_ words: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw SlipwayError(.ioError, "\(words) ended with \(process.terminationStatus)") }
  }
}
