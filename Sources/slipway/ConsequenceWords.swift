internal import ImageStore

/// What verification and audit led to, in the words of their documents and tables.
extension VerifyConsequence {
  /// The documents' word.
  var word: String {
    switch self {
    case .none: "none"
    case .cleared: "cleared"
    case .hashed: "hashed"
    case .quarantined: "quarantined"
    case .marked: "marked"
    }
  }

  /// Where a base went.
  var quarantine: String? {
    if case .quarantined(let path) = self { path } else { nil }
  }

  /// A clause for people; nil where there is nothing to say.
  static func clause(_ word: String, quarantine: String?) -> String? {
    switch word {
    case "quarantined": "moved to \(quarantine ?? "quarantine")"
    case "marked": "stays, and no new disk grows from it"
    case "cleared": "usable again"
    case "hashed": "by its digest; it has block hashes from now on"
    default: nil
    }
  }
}
