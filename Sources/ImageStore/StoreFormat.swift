internal import Foundation
internal import Model

/// The content of `FORMAT`, by which a directory says that it is a store of ours, and how it is laid out.
struct StoreFormat: Codable, Equatable {
  static let fileName = "FORMAT"
  private static let kind = "slipway-store"
  private static let version = 1

  var kind: String
  var version: Int
  var layout: String
  /// Where the bases lie when that is not in the store itself.
  var bases: String?

  /// What a store of that layout says today.
  init(_ layout: Layout) {
    kind = StoreFormat.kind
    version = StoreFormat.version
    self.layout = layout.word
    bases = layout.outside
  }

  /// Throws `store_refused` unless this version of ours can work with the store in that layout.
  func check(path: String, _ wanted: Layout) throws(SlipwayError) {
    guard kind == StoreFormat.kind else { throw StoreFormat.unreadable(path, wanted) }
    guard version <= StoreFormat.version else {
      throw SlipwayError(
        .storeRefused,
        "the store \(path) has format version \(version), and this Slipway knows versions up to \(StoreFormat.version)",
        object: path, hint: "update Slipway, or give another directory with store.path")
    }
    guard layout == wanted.word else {
      throw SlipwayError(
        .storeRefused, "the store \(path) has the layout '\(layout)', and '\(wanted.word)' is configured", object: path,
        hint: "set store.layout to '\(layout)', or give another directory with store.path")
    }
    // What lies beside the bases would be swept away if they were looked for elsewhere.
    guard bases == wanted.outside else {
      throw SlipwayError(
        .storeRefused, "the store \(path) is about the bases in \(bases ?? path), and \(wanted.outside ?? path) is configured",
        object: path,
        hint: "set nova.instances_path as it was, or give another directory with store.path")
    }
  }

  static func unreadable(_ path: String, _ wanted: Layout) -> SlipwayError {
    SlipwayError(
      .storeRefused, "\(path)/\(fileName) is not the format file of a store", object: path,
      hint:
        "give another directory with store.path, or put the file back: \(String(decoding: (try? StoreFormat(wanted).bytes()) ?? [], as: UTF8.self))"
    )
  }

  func bytes() throws -> [UInt8] { try StoreJSON.encode(self) }
}

/// How sidecars and the format file are written: keys sorted, for people and for comparing.
enum StoreJSON {
  static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }

  static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes))
  }
}
