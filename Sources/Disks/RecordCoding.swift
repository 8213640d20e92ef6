internal import Foundation
internal import Model

/// JSON with sorted keys, so that equal records have equal bytes.
enum RecordCoding {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Nil when the text is not of that shape.
  static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
    try? JSONDecoder().decode(type, from: Data(text.utf8))
  }

  /// A disk's record. Throws `not_ours` for one of a newer version, which is left alone.
  static func record(_ text: String, at path: String) throws(SlipwayError) -> DiskRecord? {
    struct Version: Decodable { var version: Int }
    guard let version = decode(Version.self, text)?.version else { return nil }
    guard version <= DiskRecord.currentVersion else {
      throw SlipwayError(
        .notOurs, "\(path) carries a record of version \(version), newer than this program knows (\(DiskRecord.currentVersion))",
        object: path, hint: "use the newer slipway that made it")
    }
    return decode(DiskRecord.self, text)
  }
}
