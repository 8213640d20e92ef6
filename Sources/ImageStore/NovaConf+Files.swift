internal import Files
internal import Model

extension NovaConf {
  /// nova.conf and, where they are, `nova-compute.conf` beside it and `nova.conf.d/*.conf`, later ones over earlier ones, as nova-compute reads them
  /// when it is started without `--config-file`. Nil when `path` is not there. Blocks.
  static func load(_ path: String) throws -> NovaConf? {
    var nova = NovaConf()
    guard try nova.add(path) else { return nil }
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    if !path.hasSuffix("/nova-compute.conf") { _ = try nova.add("\(directory)/nova-compute.conf") }
    if let parts = try? Directory.following("\(directory)/nova.conf.d") {
      defer { try? parts.close() }
      for name in try parts.names() where name.hasSuffix(".conf") { _ = try nova.add("\(parts.path)/\(name)") }
    }
    return nova
  }

  /// Reads one file over what was read. False when it is not there.
  mutating func add(_ path: String) throws(SlipwayError) -> Bool {
    let file: File
    do throws(SlipwayError) {
      file = try File.open(path, under: nil)
    } catch {
      guard error.errno == SystemError.notThere else { throw error }
      return false
    }
    defer { try? file.close() }
    try read(String(decoding: try file.readAll(limit: 4 << 20), as: UTF8.self), path: path)
    return true
  }
}
