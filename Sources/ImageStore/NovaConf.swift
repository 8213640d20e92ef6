internal import Model

/// The INI dialect of oslo.config, as far as nova.conf uses it: `[section]`, `key = value` or `key: value`, indented lines that continue a value,
/// `#` and `;` comments, quotes around a whole value, the last of several values, later files over earlier ones, and `$name`, `${name}` and
/// `$group.name` in values (`$$` and `\$` are a dollar). Rule: oslo_config's iniparser and its Template.
struct NovaConf {
  private var values: [String: [String: String]] = [:]

  /// Adds what a file says. Throws `configuration` with the line that is none of the dialect.
  mutating func read(_ text: String, path: String) throws(SlipwayError) {
    var section: String?
    var open: (key: String, value: [String])?
    func failure(_ number: Int, _ problem: String) -> SlipwayError {
      SlipwayError(.configuration, "\(path) line \(number + 1): \(problem)", object: path, hint: "nova-compute would not read it either")
    }
    func flush() {
      guard let section, let (key, value) = open else { return }
      values[section, default: [:]][key] = value.joined(separator: "\n")
      open = nil
    }
    for (number, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = NovaConf.trimmed(raw, start: false)
      guard let first = line.first else {
        flush()
        continue
      }
      if first == " " || first == "\t" {
        guard open != nil else { throw failure(number, "it is indented and continues nothing") }
        open?.value.append(String(NovaConf.trimmed(line)))
        continue
      }
      flush()
      switch first {
      case "#", ";": break
      case "[":
        guard line.last == "]", line.count > 2 else { throw failure(number, "it is no section") }
        let name = String(line.dropFirst().dropLast())
        // Names of groups are compared in lower case, DEFAULT apart.
        section = name == "DEFAULT" ? name : name.lowercased()
      default:
        guard let split = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { throw failure(number, "it has no '='") }
        guard section != nil else { throw failure(number, "it stands before the first section") }
        let key = NovaConf.trimmed(line[..<split])
        guard !key.isEmpty else { throw failure(number, "it has no key") }
        open = (String(key), [NovaConf.unquoted(NovaConf.trimmed(line[line.index(after: split)...]))])
      }
    }
    flush()
  }

  /// The value of an option with its variables replaced, nil when no file sets it. Throws `configuration` for a variable that no file sets.
  func value(_ group: String, _ key: String) throws(SlipwayError) -> String? {
    guard let text = values[group]?[key] else { return nil }
    return try substituted(text, in: "[\(group)] \(key)", depth: 0)
  }

  /// A yes or no in oslo's words. Throws `configuration` for another word.
  func flag(_ group: String, _ key: String) throws(SlipwayError) -> Bool? {
    guard let text = try value(group, key) else { return nil }
    switch NovaConf.trimmed(text[...]).lowercased() {
    case "true", "1", "on", "yes": return true
    case "false", "0", "off", "no": return false
    default:
      throw SlipwayError(.configuration, "[\(group)] \(key) of nova.conf is '\(text)', neither true nor false", object: key)
    }
  }

  private func substituted(_ text: String, in option: String, depth: Int) throws(SlipwayError) -> String {
    guard depth < 16 else {
      throw SlipwayError(.configuration, "\(option) of nova.conf refers to itself", object: option, hint: "write the value out")
    }
    var result = ""
    var rest = text[...]
    while let character = rest.popFirst() {
      if character == "\\", rest.first == "$" {
        rest.removeFirst()
        result.append("$")
        continue
      }
      guard character == "$" else {
        result.append(character)
        continue
      }
      if rest.first == "$" {
        rest.removeFirst()
        result.append("$")
        continue
      }
      guard let (name, after) = NovaConf.variable(rest) else {
        result.append("$")
        continue
      }
      rest = after
      let parts = name.split(separator: ".", maxSplits: 1)
      let group = parts.count == 2 ? (parts[0] == "DEFAULT" ? "DEFAULT" : parts[0].lowercased()) : "DEFAULT"
      guard let last = parts.last, let value = values[group]?[String(last)] else {
        throw SlipwayError(
          .configuration, "\(option) of nova.conf refers to $\(name), which no file sets", object: option,
          hint: "set \(name) there, or give nova.instances_path")
      }
      result += try substituted(value, in: option, depth: depth + 1)
    }
    return result
  }

  /// The name that begins `text` (after a `$`), and what follows it.
  private static func variable(_ text: Substring) -> (String, Substring)? {
    let isBraced = text.first == "{"
    let body = isBraced ? text.dropFirst() : text
    guard let first = body.first, first.isASCII, first.isLetter || first == "_" else { return nil }
    let name = body.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
    let after = body[name.endIndex...]
    guard isBraced else { return (String(name), after) }
    return after.first == "}" ? (String(name), after.dropFirst()) : nil
  }

  private static func unquoted(_ text: Substring) -> String {
    guard text.count > 1, let first = text.first, first == text.last, first == "\"" || first == "'" else { return String(text) }
    return String(text.dropFirst().dropLast())
  }

  private static func trimmed(_ text: Substring, start: Bool = true) -> Substring {
    var text = text
    while let last = text.last, last.isWhitespace { text.removeLast() }
    if start { text = text.drop(while: \.isWhitespace) }
    return text
  }
}
