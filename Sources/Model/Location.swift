/// A URL at which an image's bytes lie, as the image service or an operator wrote it.
public struct Location: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The URL, unchanged.
  public let url: String
  /// The id of the image service's store, where it told one (Glance `metadata.store`).
  public let store: String?

  /// A location; any text is accepted here and judged by the planner.
  public init(url: String, store: String? = nil) {
    self.url = url
    self.store = store
  }

  /// The scheme, exactly as written before the first `:`; nil when there is none. Schemes are compared case-sensitively (Glance writes them so).
  public var scheme: String? {
    guard let end = url.firstIndex(of: ":"), end != url.startIndex else { return nil }
    return String(url[..<end])
  }

  /// The URL without user information (`user:password@`) and without its query, which may carry signatures: fit for logs and errors.
  public var description: String { Location.redacted(url) }

  /// `url` without user information and with its query replaced: fit for logs and errors.
  public static func redacted(_ url: String) -> String {
    // By scalars: with a combining mark behind it, an "@" is a Character that is none.
    let scalars = url.unicodeScalars
    guard let colon = scalars.firstIndex(of: ":"), scalars[colon...].starts(with: "://".unicodeScalars) else { return url }
    let start = scalars.index(colon, offsetBy: 3)
    let rest = scalars[start...]
    let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
    var authority = rest[..<authorityEnd]
    if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
    let tail = rest[authorityEnd...]
    var text = String(scalars[..<start]) + String(authority)
    if let query = tail.firstIndex(of: "?") { text += String(tail[..<query]) + "?…" } else { text += String(tail) }
    return text
  }
}
