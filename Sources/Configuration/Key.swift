/// One key of the configuration: what drives parsing, errors, overrides, `config show` and the documentation.
public struct Key: Sendable {
  /// Whether setting it changes anything yet.
  public enum Effect: Sendable, Hashable {
    case now
    /// Accepted and checked, and takes effect with a later version.
    case later
  }

  /// The dotted path from the top, such as `store.path`; within a list of mappings the name alone.
  public let path: String
  /// What may be written there.
  public let type: ValueType
  /// Whether `null` may be written there.
  public let isNullable: Bool
  /// The default, as it would be written in the file; nil means that it must be given.
  public let defaultText: String?
  /// One or two sentences for people: what it does, in which unit.
  public let doc: String
  /// Whether setting it changes anything yet.
  public let effect: Effect
  /// Other paths under which it is read.
  public let aliases: [String]
  /// Whether its value is hidden wherever it is shown.
  public let isSecret: Bool

  init(
    _ path: String, _ type: ValueType, _ defaultText: String?, nullable: Bool = false, effect: Effect = .now, aliases: [String] = [],
    secret: Bool = false, _ doc: String
  ) {
    self.path = path
    self.type = type
    self.isNullable = nullable
    self.defaultText = defaultText
    self.doc = doc
    self.effect = effect
    self.aliases = aliases
    self.isSecret = secret
  }

  /// The last part of the path.
  public var name: String { path.split(separator: ".").last.map(String.init) ?? path }

  /// The section that it stands in, nil at the top.
  public var section: String? {
    guard let dot = path.lastIndex(of: ".") else { return nil }
    return String(path[..<dot])
  }

  /// The environment variable that overrides it: `SLIPWAY_` and the path; nil for lists of mappings and tables, which none can override.
  public var environmentName: String? {
    guard type.fitsEnvironment else { return nil }
    return "SLIPWAY_" + String(path.uppercased().map { $0 == "." ? "_" : $0 })
  }

  /// `value` as it may be shown: hidden when the key is secret, without credentials when it is a URL.
  public func shown(_ value: ConfigurationValue) -> ConfigurationValue {
    if value == .null { return value }
    if isSecret { return .string("***") }
    if case .url = type, case .string(let url) = value { return .string(redactedURL(url)) }
    return value
  }
}
