public import Model

/// A value as it was read: the meaning, and for sizes and durations the text as it was written.
public enum ConfigurationValue: Sendable, Hashable {
  case null
  case string(String)
  case bool(Bool)
  case int(Int64)
  case size(ByteCount, text: String)
  /// 1 to 99.
  case percent(Int64)
  case duration(seconds: Int64, text: String)
  case list([ConfigurationValue])
  /// In the order of the key table, or of the file for names of the user's choice.
  case mapping([Pair])

  /// One key of a mapping and its value.
  public struct Pair: Sendable, Hashable {
    /// The key.
    public let key: String
    /// Its value.
    public let value: ConfigurationValue
  }

  /// The value under `key` of a mapping; `null` when there is none.
  subscript(_ key: String) -> ConfigurationValue {
    guard case .mapping(let pairs) = self else { return .null }
    return pairs.first { $0.key == key }?.value ?? .null
  }
}

extension ConfigurationValue: Encodable {
  /// Sizes, percents and durations as the text that the file would hold; everything else as itself.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .list(let items):
      var container = encoder.unkeyedContainer()
      for item in items { try container.encode(item) }
    case .mapping(let pairs):
      var container = encoder.container(keyedBy: AnyKey.self)
      for pair in pairs { try container.encode(pair.value, forKey: AnyKey(stringValue: pair.key)) }
    default:
      var container = encoder.singleValueContainer()
      switch self {
      case .bool(let value): try container.encode(value)
      case .int(let value): try container.encode(value)
      case .string(let text), .size(_, let text), .duration(_, let text): try container.encode(text)
      case .percent(let value): try container.encode("\(value)%")
      case .null, .list, .mapping: try container.encodeNil()
      }
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
