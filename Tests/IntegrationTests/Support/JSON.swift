import Foundation

/// A JSON document that answers any path: what is not there is `null`.
enum JSON: Decodable, Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let list = try? value.decode([JSON].self) {
      self = .array(list)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  init(parsing text: String) throws { self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8)) }

  subscript(key: String) -> JSON {
    if case .object(let object) = self { object[key] ?? .null } else { .null }
  }

  /// The elements of a list, none for anything else.
  var list: [JSON] { if case .array(let list) = self { list } else { [] } }
  /// The keys of an object.
  var keys: Set<String> { if case .object(let object) = self { Set(object.keys) } else { [] } }
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var int: Int64? { if case .number(let number) = self { Int64(exactly: number) } else { nil } }
}
