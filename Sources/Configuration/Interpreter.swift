import Model
import Yams

/// Reads one YAML node as the value of one key.
struct Interpreter {
  /// The path of the key, for errors.
  let path: String
  /// Whether the key's value may be quoted in an error.
  let isSecret: Bool

  init(_ key: Key, path: String? = nil) {
    self.path = path ?? key.path
    self.isSecret = key.isSecret
  }

  /// The value, or an issue with the line.
  func value(_ node: Node, _ type: ValueType, nullable: Bool) throws(Issue) -> ConfigurationValue {
    if node.isNull {
      if nullable { return .null }
      throw wrong(node, "'\(path)' must not be empty", "give \(type.title), or leave the key out for its default")
    }
    switch type {
    case .list(let element): return .list(try items(node, type) { item throws(Issue) in try value(item, element, nullable: false) })
    case .mappings(let keys): return .list(try items(node, type) { item throws(Issue) in try mapping(item, keys, path + "[]") })
    case .table(let keys):
      var pairs: [ConfigurationValue.Pair] = []
      for (name, item) in try entries(node, type) {
        pairs.append(.init(key: name, value: try mapping(item, keys, "\(path).\(name)")))
      }
      return .mapping(pairs)
    default:
      guard case .scalar(let scalar) = node else { throw wrong(node, "'\(path)' must be \(type.title)", nil) }
      return try Scalars(path: path, line: node.mark?.line, isSecret: isSecret).value(scalar.string, type)
    }
  }

  /// A mapping with exactly these keys; defaults are filled in.
  private func mapping(_ node: Node, _ keys: [Key], _ prefix: String) throws(Issue) -> ConfigurationValue {
    guard case .mapping(let mapping) = node else { throw wrong(node, "'\(prefix)' must be a mapping", "give \(Self.names(keys))") }
    var found: [String: ConfigurationValue] = [:]
    for (keyNode, valueNode) in mapping {
      let name = keyNode.scalarText ?? ""
      guard let key = keys.first(where: { $0.name == name }) else {
        throw .unknown(path: "\(prefix).\(name)", line: keyNode.mark?.line, known: keys.map { "\(prefix).\($0.name)" })
      }
      found[name] = try Interpreter(key, path: "\(prefix).\(name)").value(valueNode, key.type, nullable: key.isNullable)
    }
    var pairs: [ConfigurationValue.Pair] = []
    for key in keys {
      if let value = found[key.name] {
        pairs.append(.init(key: key.name, value: value))
      } else if let value = try key.defaultValue() {
        pairs.append(.init(key: key.name, value: value))
      } else {
        throw Issue(
          line: node.mark?.line, key: "\(prefix).\(key.name)", message: "'\(prefix)' has no '\(key.name)'", hint: "give it: \(key.doc)")
      }
    }
    return .mapping(pairs)
  }

  private func items(
    _ node: Node, _ type: ValueType, _ read: (Node) throws(Issue) -> ConfigurationValue
  ) throws(Issue) -> [ConfigurationValue] {
    guard case .sequence(let sequence) = node else {
      throw wrong(node, "'\(path)' must be a list", "write [a, b], or one item a line after '- '")
    }
    var values: [ConfigurationValue] = []
    for item in sequence { values.append(try read(item)) }
    return values
  }

  private func entries(_ node: Node, _ type: ValueType) throws(Issue) -> [(String, Node)] {
    guard case .mapping(let mapping) = node else { throw wrong(node, "'\(path)' must be a mapping", nil) }
    return mapping.map { ($0.key.scalarText ?? "", $0.value) }
  }

  private func wrong(_ node: Node, _ message: String, _ hint: String?) -> Issue {
    Issue(line: node.mark?.line, key: path, message: message, hint: hint)
  }

  private static func names(_ keys: [Key]) -> String { keys.map(\.name).joined(separator: ", ") }
}

extension Node {
  /// Whether it is an unquoted `null`, `~`, or nothing.
  var isNull: Bool {
    guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// The text of a scalar.
  var scalarText: String? {
    guard case .scalar(let scalar) = self else { return nil }
    return scalar.string
  }
}

extension Issue {
  /// A key that nobody knows, with the nearest that is known.
  static func unknown(path: String, line: Int?, known: [String]) -> Issue {
    let nearest = Nearest.to(path, among: known)
    return Issue(line: line, key: path, message: "unknown key '\(path)'", hint: nearest.map { "did you mean '\($0)'?" })
  }
}

extension Key {
  /// The default as a value, nil when there is none.
  func defaultValue() throws(Issue) -> ConfigurationValue? {
    guard let defaultText else { return nil }
    switch type {
    case .list, .mappings, .table: break
    default:
      if isNullable, defaultText == "null" { return .null }
      return try Scalars(path: path, line: nil, isSecret: isSecret).value(defaultText, type)
    }
    let node: Node?
    do { node = try Yams.compose(yaml: defaultText, .basic) } catch { node = nil }
    guard let node else { throw Issue(line: nil, key: path, message: "the default of '\(path)' does not parse", hint: nil) }
    return try Interpreter(self).value(node, type, nullable: isNullable)
  }
}
