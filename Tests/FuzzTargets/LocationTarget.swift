import Model

/// Location URLs, and the other words that a caller or the image service writes. The bytes are text.
enum LocationTarget {
  static func check(_ bytes: [UInt8]) -> String? {
    let text = String(decoding: bytes, as: UTF8.self)
    let location = Location(url: text)
    if let rbd = RBDLocation(parsing: text) {
      if RBDLocation(parsing: rbd.url) != rbd { return "\(rbd.url) is not read as \(rbd)" }
      if [rbd.fsid, rbd.pool, rbd.image, rbd.snapshot].contains(where: { $0.isEmpty || $0.utf8.contains(0) }) {
        return "an odd part: \(rbd)"
      }
    }
    if let path = location.filePath {
      guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else { return "no absolute path: \(path)" }
      if !path.hasPrefix("//"), Location.file(path).filePath != path { return "\(Location.file(path).url) is not read as \(path)" }
    }
    let redacted = location.description
    if Location.redacted(redacted) != redacted { return "redacted twice: \(Location.redacted(redacted)), once: \(redacted)" }
    if let at = authority(redacted), at.utf8.contains(UInt8(ascii: "@")) { return "credentials are left in \(redacted)" }
    if PercentEncoding.decode(PercentEncoding.encode(text)) != text { return "encoding is not undone" }
    if let id = ImageID(text), ImageID(id.text) != id { return "another image id: \(id)" }
    if let name = try? DiskName(text), name.text.utf8.contains(UInt8(ascii: "/")) { return "a disk name with a slash" }
    if let parts = digest(text), Digest(parts.0, hex: parts.1)?.bytes.count ?? parts.0.length != parts.0.length {
      return "a digest's length"
    }
    return nil
  }

  /// What stands between `://` and the path.
  private static func authority(_ url: String) -> Substring? {
    let scalars = Array(url.unicodeScalars)
    guard let colon = scalars.firstIndex(of: ":"), scalars[colon...].starts(with: "://".unicodeScalars) else { return nil }
    let rest = scalars[(colon + 3)...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    var text = Substring()
    text.unicodeScalars.append(contentsOf: rest)
    return text
  }

  private static func digest(_ text: String) -> (DigestAlgorithm, String)? {
    guard let colon = text.firstIndex(of: ":"), let algorithm = DigestAlgorithm(rawValue: String(text[..<colon])) else { return nil }
    return (algorithm, String(text[text.index(after: colon)...]))
  }
}
