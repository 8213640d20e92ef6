internal import Files
internal import Model

/// A Ceph keyring, of which librados tells the path and not the content.
enum KeyringFile {
  /// Its text.
  static func text(of path: String) throws -> String {
    let file = try File.open(path, under: nil)
    defer { try? file.close() }
    return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
  }
}
