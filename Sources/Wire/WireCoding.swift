internal import Foundation

/// JSON as it goes out: keys sorted, slashes as they are, one document, no newline at the end.
public enum WireCoding {
  /// The document's text.
  public static func text(_ document: some Encodable, pretty: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }
}
