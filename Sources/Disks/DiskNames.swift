internal import Files
internal import Foundation
internal import Model

/// What names and records beside a file say about it.
enum DiskNames {
  /// Whether a file of that name is a disk by Nova's names (`disk`, `disk.local`, `disk.eph0`, `disk.rescue`, `disk.swap`, …) or by its ending.
  static func isDisk(_ name: String) -> Bool {
    if name == "disk.info" { return false }
    return name == "disk" || name.hasPrefix("disk.") || name.hasSuffix(".qcow2")
  }

  /// The format that the file's ending tells, nil for most endings.
  static func format(of name: String) -> String? {
    if name.hasSuffix(".qcow2") { return "qcow2" }
    return name.hasSuffix(".raw") ? "raw" : nil
  }

  /// The formats that Nova notes in `disk.info` for the disks of one instance (a JSON mapping of paths to formats), by file name. Empty when it
  /// cannot be read.
  static func formats(in directory: String) -> [String: String] {
    guard let file = try? File.open("\(directory)/disk.info", under: nil) else { return [:] }
    defer { try? file.close() }
    guard let bytes = try? file.readAll(limit: 1 << 20), let formats = try? JSONDecoder().decode([String: String].self, from: Data(bytes))
    else { return [:] }
    var found: [String: String] = [:]
    for (path, format) in formats {
      if let name = path.split(separator: "/").last { found[String(name)] = format }
    }
    return found
  }

  /// The base that our own record names for an overlay of ours at `path`, nil without such a record.
  static func recordedBase(_ path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), path.hasSuffix(".qcow2") else { return nil }
    let name = path[path.index(after: slash)...].dropLast(".qcow2".count)
    guard let file = try? File.open("\(path[..<slash])/.slipway/\(name).json", under: nil) else { return nil }
    defer { try? file.close() }
    guard let bytes = try? file.readAll(limit: 1 << 20) else { return nil }
    return RecordCoding.decode(FileDisks.Sidecar.self, String(decoding: bytes, as: UTF8.self))?.record.base
  }
}
