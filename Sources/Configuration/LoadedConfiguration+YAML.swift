extension LoadedConfiguration {
  /// All settings as a configuration file that would give the same, secrets redacted, each line with its source.
  public var yaml: String {
    var lines: [String] = []
    var section: String?
    for setting in settings {
      if setting.key.section != section, let name = setting.key.section { lines.append("\(name):") }
      section = setting.key.section
      let indent = section == nil ? "" : "  "
      let comment = "  # \(setting.source)"
      switch setting.shown {
      case .list(let items) where items.contains { $0.isMapping }:
        lines.append("\(indent)\(setting.key.name):\(comment)")
        for item in items { lines += YAML.block(item, indent + "  ") }
      case .mapping(let pairs) where !pairs.isEmpty:
        lines.append("\(indent)\(setting.key.name):\(comment)")
        for pair in pairs { lines.append("\(indent)  \(YAML.quoted(pair.key)): \(YAML.flow(pair.value))") }
      default: lines.append("\(indent)\(setting.key.name): \(YAML.flow(setting.shown))\(comment)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension ConfigurationValue {
  fileprivate var isMapping: Bool {
    if case .mapping = self { true } else { false }
  }
}

/// Writes values as YAML.
enum YAML {
  /// On one line.
  static func flow(_ value: ConfigurationValue) -> String {
    switch value {
    case .null: "null"
    case .string(let text): quoted(text)
    case .bool(let value): value ? "true" : "false"
    case .int(let value): String(value)
    case .size(_, let text), .duration(_, let text): text
    case .percent(let value): "\(value)%"
    case .list(let items): "[" + items.map { flow($0) }.joined(separator: ", ") + "]"
    case .mapping(let pairs) where pairs.isEmpty: "{}"
    case .mapping(let pairs): "{ " + pairs.map { "\(quoted($0.key)): \(flow($0.value))" }.joined(separator: ", ") + " }"
    }
  }

  /// A list item, one line a key.
  static func block(_ value: ConfigurationValue, _ indent: String) -> [String] {
    guard case .mapping(let pairs) = value else { return ["\(indent)- \(flow(value))"] }
    return pairs.enumerated().map { index, pair in "\(indent)\(index == 0 ? "- " : "  ")\(quoted(pair.key)): \(flow(pair.value))" }
  }

  private static let plainCharacters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-".utf8)
  private static let words: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

  /// Plain where that reads back as the same text, else in double quotes.
  static func quoted(_ text: String) -> String {
    let first = text.utf8.first.map { $0 != UInt8(ascii: "-") } ?? false
    if first, !words.contains(text.lowercased()), text.utf8.allSatisfy({ plainCharacters.contains($0) }) { return text }
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case _ where scalar.value < 32: out += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
