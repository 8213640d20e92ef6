import Yams

/// The values of a YAML text, by path, and everything that is wrong with it.
struct Document {
  struct Entry {
    let value: ConfigurationValue
    let line: Int
  }

  private(set) var entries: [String: Entry] = [:]
  private(set) var issues: [Issue] = []

  private static let keysByPath: [String: Key] = {
    var byPath: [String: Key] = [:]
    for key in KeyTable.keys { for path in [key.path] + key.aliases { byPath[path] = key } }
    return byPath
  }()
  private static let sectionNames = Set(KeyTable.keys.compactMap(\.section))

  /// Reads the text; an empty one sets nothing.
  init(_ text: String) {
    let root: Node?
    do {
      // A key's type says how its text is read: no rules for guessing types, whose regular expressions take a millisecond to compile.
      root = try Yams.compose(yaml: text, .basic)
    } catch {
      issues.append(Self.issue(error, in: text))
      return
    }
    guard let root, !root.isNull else { return }
    guard case .mapping(let mapping) = root else {
      issues.append(Issue(line: root.mark?.line, key: nil, message: "the file must be a mapping", hint: "write 'key: value' lines"))
      return
    }
    read(mapping, in: nil)
  }

  private mutating func read(_ mapping: Node.Mapping, in section: String?) {
    for (keyNode, valueNode) in mapping {
      let name = keyNode.scalarText ?? ""
      let path = section.map { "\($0).\(name)" } ?? name
      if let key = Self.keysByPath[path] {
        read(valueNode, key, path, keyNode.mark?.line ?? 0)
      } else if section == nil, Self.sectionNames.contains(name) {
        if case .mapping(let inner) = valueNode {
          read(inner, in: name)
        } else if !valueNode.isNull {
          issues.append(
            Issue(line: valueNode.mark?.line, key: name, message: "'\(name)' must be a mapping", hint: "write '\(name): { … }'"))
        }
      } else {
        issues.append(.unknown(path: path, line: keyNode.mark?.line, known: Self.candidates(section)))
      }
    }
  }

  private mutating func read(_ node: Node, _ key: Key, _ path: String, _ line: Int) {
    do throws(Issue) {
      let value = try Interpreter(key, path: path).value(node, key.type, nullable: key.isNullable)
      if entries[key.path] != nil {
        throw Issue(line: line, key: path, message: "'\(path)' and '\(key.path)' are the same key", hint: "keep one of them")
      }
      entries[key.path] = Entry(value: value, line: node.mark?.line ?? line)
    } catch {
      issues.append(error)
    }
  }

  /// What an unknown key may have been meant as: within a known section its own keys and all others, at the top sections too.
  private static func candidates(_ section: String?) -> [String] {
    let paths = KeyTable.keys.flatMap { [$0.path] + $0.aliases }
    return section == nil ? KeyTable.sections.map(\.name).filter { !$0.isEmpty } + paths : paths
  }

  private static func isIndentedWithTab(_ text: String, line: Int) -> Bool {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.indices.contains(line - 1) else { return false }
    return lines[line - 1].prefix { $0 == " " || $0 == "\t" }.contains("\t")
  }

  /// A fault of YAML itself, in one sentence without a piece of the file.
  private static func issue(_ error: any Error, in text: String) -> Issue {
    switch error as? YamlError {
    case .scanner(_, _, let mark, _) where isIndentedWithTab(text, line: mark.line):
      Issue(line: mark.line, key: nil, message: "this is not YAML: the line is indented with a tab", hint: "indent with spaces")
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      Issue(line: mark.line, key: nil, message: "this is not YAML: \(problem)", hint: "check the indentation, the quotes and the brackets")
    case .duplicatedKeysInMapping(let names, let context):
      Issue(
        line: context.mark.line, key: names.first, message: "'\(names.joined(separator: "', '"))' is given twice", hint: "keep one of them")
    case .reader(let problem, _, _, _): Issue(line: nil, key: nil, message: "this is not YAML: \(problem)", hint: "write the file in UTF-8")
    default: Issue(line: nil, key: nil, message: "this is not YAML", hint: nil)
    }
  }
}
