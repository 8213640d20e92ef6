import Foundation
import ImageTrust
import Model

/// The properties that describe an image's signature. The bytes: which of the four are there, then their texts, a NUL between.
enum SignatureTarget {
  static func check(_ bytes: [UInt8]) -> String? {
    guard let mask = bytes.first else { return nil }
    let texts = bytes.dropFirst().split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
    var properties: [String: String] = [:]
    for (index, name) in ImageSignature.properties.enumerated() where mask >> index & 1 == 1 && index < texts.count {
      properties[name] = String(decoding: texts[index], as: UTF8.self)
    }
    do throws(SlipwayError) {
      let found = try ImageSignature.parse(properties, of: "it")
      if found == nil, !properties.isEmpty { return "properties that pass as unsigned: \(properties)" }
      guard let found else { return nil }
      guard properties.count == 4 else { return "an incomplete set passes: \(properties)" }
      // Foundation's decoder as judge; a stray bit in the last letter is forgiven by both.
      let bare = (properties["img_signature"] ?? "").filter { !" \t\r\n".unicodeScalars.contains($0.unicodeScalars.first ?? "x") }
      if Data(base64Encoded: bare).map({ [UInt8]($0) }) != found.bytes { return "other bytes than Foundation reads of \(bare)" }
      return nil
    } catch {
      return error.code == .signatureInvalid || error.code == .signatureUnsupported ? nil : "\(error)"
    }
  }
}
