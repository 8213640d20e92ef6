internal import Files
internal import Foundation
internal import Model
internal import Runtime

/// Files that an upload needs for a while, beside the disks: named after the process, so that what a dead one left can go.
enum UploadScratch {
  private static let prefix = ".slipway-upload-"

  /// A name that no other has.
  static func name() -> String {
    let owner = ProcessOwner.current
    return "\(prefix)\(owner.boot)-\(owner.pid)-\(owner.started)-\(UInt64.random(in: 0...UInt64.max))"
  }

  /// Whether a name is a dead process's of this host. Another boot than this one is: nobody shares the directory of disks.
  static func isLeft(_ name: String) -> Bool {
    guard name.hasPrefix(prefix) else { return false }
    let parts = name.dropFirst(prefix.count).split(separator: "-").map(String.init)
    guard parts.count == 8, let pid = Int32(parts[5]), let started = UInt64(parts[6]) else { return false }
    let boot = parts[..<5].joined(separator: "-")
    guard boot == ProcessOwner.current.boot else { return true }
    let here = ProcessOwner.current
    return ProcessOwner(host: here.host, boot: boot, pid: pid, started: started, pidNamespace: here.pidNamespace).liveness == .gone
  }

  /// Removes what dead processes left.
  static func sweep(_ directory: Directory) throws {
    for name in try directory.names() where isLeft(name) { _ = try directory.remove(name) }
  }
}
