import Model

/// Every key's value: of the environment, else of the file, else of the embedded defaults, else of the key table.
struct Resolved {
  private(set) var settings: [String: Setting] = [:]
  private(set) var problems: [ConfigurationProblem] = []

  init(document: Document, file: String, environment: [String: String], embedded: [String: ConfigurationValue]) {
    problems = document.issues.map { $0.problem(in: file) }
    for key in KeyTable.keys {
      if let name = key.environmentName, let text = environment[name] {
        do throws(Issue) {
          settings[key.path] = Setting(key: key, value: try Self.overridden(key, text), source: .environment(name))
          continue
        } catch {
          problems.append(error.problem(in: name))
        }
      }
      if let entry = document.entries[key.path] {
        settings[key.path] = Setting(key: key, value: entry.value, source: .file(file, line: entry.line))
      } else if let value = embedded[key.path] {
        settings[key.path] = Setting(key: key, value: value, source: .default)
      } else {
        do throws(Issue) {
          if let value = try key.defaultValue() { settings[key.path] = Setting(key: key, value: value, source: .default) }
        } catch {
          problems.append(error.problem(in: "built in"))
        }
      }
    }
  }

  /// A variable's text as the key's value: a list is separated by commas, `null` or nothing empties what may be empty.
  private static func overridden(_ key: Key, _ text: String) throws(Issue) -> ConfigurationValue {
    if key.isNullable, text.isEmpty || text == "null" { return .null }
    let scalars = Scalars(path: key.path, line: nil, isSecret: key.isSecret)
    guard case .list(let element) = key.type else { return try scalars.value(text, key.type) }
    var items: [ConfigurationValue] = []
    for item in text.split(separator: ",") {
      let trimmed = String(item.drop { $0 == " " })
      items.append(try scalars.value(trimmed, element))
    }
    return .list(items)
  }

  /// All settings in the table's order.
  var ordered: [Setting] { KeyTable.keys.compactMap { settings[$0.path] } }

  /// Whether somebody set the key.
  func isSet(_ path: String) -> Bool { settings[path].map { $0.source != .default } ?? false }

  /// Whether the value is another than the key's default, so that writing a default down changes nothing.
  func differs(_ path: String) -> Bool {
    guard let setting = settings[path] else { return false }
    return setting.value != (try? setting.key.defaultValue())
  }

  /// A reader that says which key of the table and which field of the result don't agree, should that ever be.
  var reader: Reader { Reader { settings[$0]?.value ?? .null } }
}

/// Reads typed values by name; a type that the table does not promise is an internal error.
struct Reader {
  let value: (String) -> ConfigurationValue

  init(_ value: @escaping (String) -> ConfigurationValue) { self.value = value }

  /// Over a mapping in a list.
  init(_ mapping: ConfigurationValue) { self.value = { mapping[$0] } }

  func string(_ path: String) throws(SlipwayError) -> String {
    guard let text = try optionalString(path) else { throw mismatch(path) }
    return text
  }
  func optionalString(_ path: String) throws(SlipwayError) -> String? {
    switch value(path) {
    case .string(let text): return text
    case .null: return nil
    default: throw mismatch(path)
    }
  }
  func bool(_ path: String) throws(SlipwayError) -> Bool {
    guard case .bool(let value) = value(path) else { throw mismatch(path) }
    return value
  }
  func int(_ path: String) throws(SlipwayError) -> Int {
    guard let value = try optionalInt(path) else { throw mismatch(path) }
    return value
  }
  func optionalInt(_ path: String) throws(SlipwayError) -> Int? {
    switch value(path) {
    case .int(let value): return Int(value)
    case .null: return nil
    default: throw mismatch(path)
    }
  }
  func size(_ path: String) throws(SlipwayError) -> ByteCount {
    guard case .size(let size, _) = value(path) else { throw mismatch(path) }
    return size
  }
  /// A size of which 0 means no limit.
  func limit(_ path: String) throws(SlipwayError) -> ByteCount? {
    let size = try size(path)
    return size.bytes == 0 ? nil : size
  }
  func duration(_ path: String) throws(SlipwayError) -> Duration {
    guard case .duration(let seconds, _) = value(path) else { throw mismatch(path) }
    return .seconds(seconds)
  }
  func strings(_ path: String) throws(SlipwayError) -> [String] {
    guard let strings = try optionalStrings(path) else { throw mismatch(path) }
    return strings
  }
  func optionalStrings(_ path: String) throws(SlipwayError) -> [String]? {
    switch value(path) {
    case .null: return nil
    case .list(let items):
      var texts: [String] = []
      for item in items {
        guard case .string(let text) = item else { throw mismatch(path) }
        texts.append(text)
      }
      return texts
    default: throw mismatch(path)
    }
  }
  func word<Word: RawRepresentable>(_ path: String, as type: Word.Type = Word.self) throws(SlipwayError) -> Word
  where Word.RawValue == String {
    guard let word = Word(rawValue: try string(path)) else { throw mismatch(path) }
    return word
  }
  func optionalWord<Word: RawRepresentable>(_ path: String, as type: Word.Type = Word.self) throws(SlipwayError) -> Word?
  where Word.RawValue == String {
    value(path) == .null ? nil : try word(path)
  }
  func optional<Value>(_ path: String, _ read: (String) throws(SlipwayError) -> Value) throws(SlipwayError) -> Value? {
    value(path) == .null ? nil : try read(path)
  }
  func mappings(_ path: String) throws(SlipwayError) -> [Reader] {
    guard case .list(let items) = value(path) else { throw mismatch(path) }
    return items.map { Reader($0) }
  }

  func mismatch(_ path: String) -> SlipwayError {
    SlipwayError(.internalError, "the configuration key '\(path)' and its use do not agree", object: path)
  }
}
