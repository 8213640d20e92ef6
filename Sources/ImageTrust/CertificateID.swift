public import Model

/// What a certificate is called: a uuid in Barbican, the name of a file without `.pem` in a directory.
public struct CertificateID: Sendable, Hashable, CustomStringConvertible {
  /// 1 to 64 letters, digits, `-` and `_`: it becomes part of a URL or of a path.
  public let text: String

  /// Nil for what is no id.
  public init?(_ text: String) {
    guard (1...64).contains(text.utf8.count) else { return nil }
    guard text.utf8.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2d || $0 == 0x5f })
    else { return nil }
    self.text = text
  }

  /// The ids of trusted certificates. Throws `usage` for what is none; 32 at most.
  public static func trusted(_ texts: [String]) throws(SlipwayError) -> [CertificateID] {
    var ids: [CertificateID] = []
    for text in texts {
      guard let id = CertificateID(text) else {
        throw SlipwayError(
          .usage, "'\(text.prefix(80))' is no certificate's id", object: String(text.prefix(80)), hint: "give the secret's uuid")
      }
      if !ids.contains(id) { ids.append(id) }
    }
    guard ids.count <= 32 else { throw SlipwayError(.usage, "\(ids.count) trusted certificates are too many", hint: "give 32 at most") }
    return ids
  }

  public var description: String { text }
}
