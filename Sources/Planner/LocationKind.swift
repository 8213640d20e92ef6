import Model

/// What a location's URL says, read once.
enum LocationKind: Hashable {
  case rbd(RBDLocation)
  case file(path: String)
  case http
  case cinder(volume: String)
  /// Well-formed as far as we can tell, of a scheme that we don't know.
  case other
  /// No URL, or none of its scheme's form.
  case malformed(Reason, String)

  init(_ location: Location) {
    let shown = location.description
    let malformed = LocationKind.malformed(.malformedURL, "'\(shown)' is no URL of a form that is known here")
    switch Self.scheme(location) {
    case nil: self = malformed
    case "rbd": self = Self.rbd(location.url, shown)
    case "file": self = location.filePath.map { .file(path: $0) } ?? malformed
    case "http", "https":
      let rest = location.url.drop { $0 != ":" }
      let host = rest.dropFirst(3).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      self = rest.hasPrefix("://") && !host.isEmpty && !location.url.contains(" ") ? .http : malformed
    case "cinder": self = Self.cinder(location.url).map { .cinder(volume: $0) } ?? malformed
    default: self = .other
    }
  }

  /// The scheme that rules apply to: a plain absolute path counts as `file`, whatever colons are in it.
  static func scheme(_ location: Location) -> String? { location.url.hasPrefix("/") ? "file" : location.scheme }

  /// Blank parts come before the count, as in Cinder's `_parse_location` and Nova's `parse_url`.
  private static func rbd(_ url: String, _ shown: String) -> LocationKind {
    if let parsed = RBDLocation(parsing: url) { return .rbd(parsed) }
    let parts = url.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    guard url.hasPrefix("rbd://"), parts.allSatisfy({ !$0.isEmpty }), parts.count != 4 else {
      return .malformed(.malformedURL, "'\(shown)' is not of the form rbd://fsid/pool/image/snapshot")
    }
    return .malformed(.notASnapshot, "'\(shown)' names no RBD snapshot: rbd://fsid/pool/image/snapshot has four parts")
  }

  /// The volume's id of `cinder://<volume id>` and `cinder://<store>/<volume id>` (glance_store's Cinder driver).
  private static func cinder(_ url: String) -> String? {
    guard url.hasPrefix("cinder://") else { return nil }
    let parts = url.dropFirst(9).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let volume = parts.last else { return nil }
    // A volume id has the form of an image id.
    return ImageID(String(volume))?.text
  }
}
