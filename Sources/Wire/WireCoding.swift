internal import Foundation
public import Model

/// JSON as it goes out: keys sorted, slashes as they are, one document, no newline at the end.
public enum WireCoding {
  /// The document's text.
  public static func text(_ document: some Encodable, pretty: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }

  /// Reads a document that another Slipway wrote: fields that this version does not know are passed over.
  public static func decode<Document: Decodable>(_ type: Document.Type, _ bytes: [UInt8]) throws -> Document {
    try JSONDecoder().decode(type, from: Data(bytes))
  }

  /// Reads a request. Throws `usage`: for what is no JSON object, for an unknown field, by name, and for a field of the wrong kind.
  public static func request<Document: RequestDocument>(_ type: Document.Type, _ bytes: [UInt8]) throws(SlipwayError) -> Document {
    func refusal(_ message: String, _ field: String? = nil) -> SlipwayError {
      SlipwayError(.usage, message, object: field, hint: "the fields are: \(Document.fields.joined(separator: ", "))")
    }
    let data = Data(bytes)
    do {
      let names = try JSONDecoder().decode(FieldNames.self, from: data).names
      if let unknown = names.first(where: { !Document.fields.contains($0) }) {
        throw refusal("the request has no field '\(unknown.prefix(100))'", String(unknown.prefix(100)))
      }
      return try JSONDecoder().decode(type, from: data)
    } catch let error as SlipwayError {
      throw error
    } catch DecodingError.keyNotFound(let key, _) {
      throw refusal("the request lacks '\(key.stringValue)'", key.stringValue)
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
      let field = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw refusal(
        field.isEmpty ? "the request is no JSON object" : "'\(field)' has a value of the wrong kind", field.isEmpty ? nil : field)
    } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
      let field = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw refusal("'\(field)' has a value that cannot be used", field)
    } catch {
      throw refusal("the request is no JSON object")
    }
  }

  /// The names of an object's fields.
  private struct FieldNames: Decodable {
    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    var names: [String]
    init(from decoder: any Decoder) throws { names = try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue).sorted() }
  }
}
