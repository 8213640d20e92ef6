import Files
import Foundation
import ImageFormats
import Logging
import Model
import Runtime

@testable import Disks

/// A directory with a base and disks, for searches.
struct ScanPlace: Sendable {
  let root = NSTemporaryDirectory() + "slipway-scan-" + UUID().uuidString
  let context = RequestContext(logger: Logger(label: "test"), deadline: .after(.seconds(30)))

  /// An answer in paths relative to the place.
  struct Found {
    var references: DiskReferences
    /// The disks that stand on the base.
    var disks: [String]
    var unreadable: [String: [String]?]
  }

  func path(_ relative: String) -> String { relative.isEmpty ? root : "\(root)/\(relative)" }

  func use(_ body: (ScanPlace) async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try write("base", [UInt8](repeating: 1, count: 4096))
    try FileManager.default.createDirectory(atPath: path("roots"), withIntermediateDirectories: true)
    try await body(self)
  }

  func write(_ relative: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: path(relative))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func link(_ relative: String, to target: String) throws {
    let url = URL(fileURLWithPath: path(relative))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
  }

  /// A qcow2 that names `backing`, whatever that is.
  func overlay(_ relative: String, on backing: String) throws {
    // Ours takes only absolute paths: the name is exchanged for one of the same length or less.
    let stand = "/" + String(repeating: "x", count: max(1, backing.utf8.count))
    let overlay = try Qcow2Overlay(virtualSize: 1 << 20, backingPath: stand, backingFormat: .raw)
    var bytes = [UInt8](repeating: 0, count: Int(overlay.fileSize))
    for write in overlay.writes { bytes.replaceSubrange(Int(write.offset)..<Int(write.offset) + write.bytes.count, with: write.bytes) }
    let offset = bytes[8..<16].reduce(0) { $0 << 8 | Int($1) }
    let name = Array(backing.utf8)
    bytes.replaceSubrange(offset..<offset + name.count, with: name)
    bytes.replaceSubrange(16..<20, with: [0, 0, UInt8(name.count >> 8), UInt8(name.count & 255)])
    try write(relative, bytes)
  }

  func patch(_ relative: String, at offset: Int, _ bytes: [UInt8]) throws {
    var content = Array(try Data(contentsOf: URL(fileURLWithPath: path(relative))))
    content.replaceSubrange(offset..<min(content.count, offset + bytes.count), with: bytes)
    try write(relative, content)
  }

  func scan(
    roots: [String] = ["roots"], named: [NamedDisk] = [], excluding: [String] = [], limits: ReferenceScan.Limits = ReferenceScan.Limits(),
    deadline: Deadline = .after(.seconds(30)), willOpen: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> Found {
    let base = try FileStatus.of(path("base"))?.identity
    let scan = ReferenceScan(
      roots: roots.map(path), named: named, excluding: excluding.map(path), bases: Set([base].compactMap { $0 }), limits: limits,
      willOpen: willOpen)
    let references = try await scan.run(deadline: deadline)
    func short(_ path: String) -> String { path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path }
    var unreadable: [String: [String]?] = [:]
    for disk in references.unreadable { unreadable[short(disk.path)] = .some(disk.mayReferTo?.map(short)) }
    return Found(
      references: references, disks: (base.flatMap { references.references[$0] } ?? []).map(short), unreadable: unreadable)
  }
}
