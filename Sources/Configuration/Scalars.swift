import Model

/// Reads one scalar's text as one type.
struct Scalars {
  let path: String
  let line: Int?
  let isSecret: Bool

  func value(_ text: String, _ type: ValueType) throws(Issue) -> ConfigurationValue {
    switch type {
    case .string:
      guard !text.isEmpty, !text.contains("\0") else { throw wrong(text, type) }
      return .string(text)
    case .bool:
      guard let value = Self.bool(text) else { throw wrong(text, type) }
      return .bool(value)
    case .int(let range):
      guard let value = Int64(text), range.contains(value) else { throw wrong(text, type) }
      return .int(value)
    case .size(let least): return try size(text, type, atLeast: least)
    case .rate: return try size(text, type, atLeast: 0)
    case .sizeOrPercent:
      guard text.hasSuffix("%") else { return try size(text, type, atLeast: 0) }
      guard let percent = Int64(text.dropLast()), (1...99).contains(percent) else { throw wrong(text, type, "give 1% to 99%, or a size") }
      return .percent(percent)
    case .duration(let range):
      guard let seconds = Self.seconds(text) else { throw wrong(text, type, "give a whole number with s, m, h or d, such as 30s") }
      guard range.contains(seconds) else { throw wrong(text, type, "give \(range.lowerBound) to \(range.upperBound) seconds") }
      return .duration(seconds: seconds, text: text)
    case .choice(let words): return .string(try choice(text, type, words))
    case .path:
      guard text.hasPrefix("/"), !text.contains("\0"), !text.split(separator: "/").contains("..") else {
        throw wrong(text, type, "give a path that starts with '/' and has no '..'")
      }
      return .string(Self.trimmed(text))
    case .url:
      guard text.hasPrefix("http://") || text.hasPrefix("https://"), !text.contains(" "), !text.hasSuffix("://") else {
        // A URL may carry a password, also one that is wrong.
        throw Issue(line: line, key: path, message: "'\(path)' is no URL", hint: "give an http:// or https:// URL")
      }
      return .string(text)
    case .fsid:
      guard let fsid = FSID(text) else { throw wrong(text, type, "'ceph fsid' tells it") }
      return .string(fsid.text)
    case .cephUser:
      guard !text.isEmpty, !text.hasPrefix("client.") else { throw wrong(text, type, "write 'admin' for client.admin") }
      return .string(text)
    case .name:
      let fits = text.utf8.allSatisfy { Self.nameCharacters.contains($0) }
      guard !text.isEmpty, fits else { throw wrong(text, type, "use letters, digits, '.', '_' and '-'") }
      return .string(text)
    case .list, .mappings, .table: throw wrong(text, type)
    }
  }

  private static let nameCharacters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8)

  private func size(_ text: String, _ type: ValueType, atLeast least: Int64) throws(Issue) -> ConfigurationValue {
    let size: ByteCount
    do { size = try ByteCount(parsing: text) } catch { throw wrong(text, type, error.hint) }
    guard size.bytes >= least else { throw wrong(text, type, "give at least \(ByteCount(least))") }
    return .size(size, text: text)
  }

  /// `on` and `off` are words of some keys and truth values of YAML: both spellings are read.
  private func choice(_ text: String, _ type: ValueType, _ words: [String]) throws(Issue) -> String {
    if words.contains(text) { return text }
    if words.contains("on"), let value = Self.bool(text) { return value ? "on" : "off" }
    let nearest = Nearest.to(text, among: words).map { "did you mean '\($0)'? " } ?? ""
    throw wrong(text, type, "\(nearest)One of: \(words.joined(separator: ", "))")
  }

  private func wrong(_ text: String, _ type: ValueType, _ hint: String? = nil) -> Issue {
    let shown = isSecret ? "the value" : "'\(text)'"
    return Issue(
      line: line, key: path, message: "\(shown) of '\(path)' is not a valid \(type.plainTitle)", hint: hint ?? "give \(type.plainTitle)")
  }

  /// YAML 1.1's words.
  static func bool(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "true", "yes", "on": true
    case "false", "no", "off": false
    default: nil
    }
  }

  /// `90s`, `40m`, `24h`, `30d`, `0`.
  static func seconds(_ text: String) -> Int64? {
    if text == "0" { return 0 }
    guard let unit = text.last, let scale = ["s": 1, "m": 60, "h": 3600, "d": 86_400][unit] as Int64?, text.first != "+", text.first != "-",
      let count = Int64(text.dropLast())
    else { return nil }
    let (seconds, overflow) = count.multipliedReportingOverflow(by: scale)
    return overflow ? nil : seconds
  }

  /// Without slashes at the end.
  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}

extension ValueType {
  /// The title without Markdown.
  var plainTitle: String {
    switch self {
    case .choice: "word here"
    case .cephUser: "cephx id"
    default: title
    }
  }
}
