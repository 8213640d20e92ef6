/// Where a value came from.
public enum SettingSource: Sendable, Hashable, CustomStringConvertible {
  case `default`
  /// A line of the file, from 1.
  case file(String, line: Int)
  /// The name of a variable.
  case environment(String)

  /// `default`, `file:line`, or the variable's name.
  public var description: String {
    switch self {
    case .default: "default"
    case .file(let path, let line): "\(path):\(line)"
    case .environment(let name): name
    }
  }
}

/// One key with the value that holds, and where that came from.
public struct Setting: Sendable {
  /// The key.
  public let key: Key
  /// The value, unredacted: show `shown`.
  public let value: ConfigurationValue
  /// Where it came from.
  public let source: SettingSource

  /// The value without secrets.
  public var shown: ConfigurationValue { key.shown(value) }
}

extension Setting: Encodable {
  private enum CodingKeys: String, CodingKey { case key, value, source }

  /// `{"key","value","source"}`, secrets redacted.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(key.path, forKey: .key)
    try container.encode(shown, forKey: .value)
    try container.encode(source.description, forKey: .source)
  }
}
