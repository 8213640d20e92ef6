extension Location {
  /// The local path that this location names: of `file:///path`, `file://localhost/path` or `file:/path` (RFC 8089) percent-decoded, and of a
  /// plain absolute path the path itself, byte for byte. Nil for everything else: another host, a relative path, a NUL, text that is not UTF-8.
  public var filePath: String? {
    if url.hasPrefix("/") { return url.contains("\0") ? nil : url }
    guard url.hasPrefix("file:") else { return nil }
    var rest = url.dropFirst(5)
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      if rest.hasPrefix("localhost/") { rest = rest.dropFirst(9) }
    }
    guard rest.hasPrefix("/"), !rest.hasPrefix("//"), let path = PercentEncoding.decode(rest), !path.contains("\0") else { return nil }
    return path
  }

  /// A location for an absolute local path.
  public static func file(_ path: String) -> Location {
    Location(
      url: "file://"
        + path.split(separator: "/", omittingEmptySubsequences: false).map { PercentEncoding.encode(String($0)) }.joined(separator: "/"))
  }
}
