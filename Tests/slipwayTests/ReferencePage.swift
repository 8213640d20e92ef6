import Foundation
import Testing

/// A page of `docs/reference`, cut into its sections.
struct ReferencePage {
  let path: String
  /// The lines under each heading, up to the next heading of any level.
  private let sections: [String: [String]]

  init(_ name: String) throws {
    path = "docs/reference/\(name)"
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    var sections: [String: [String]] = [:]
    var heading = ""
    var isCode = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isCode.toggle() }
      if !isCode, line.hasPrefix("#") {
        heading = String(line.drop { $0 == "#" }.drop { $0 == " " })
        sections[heading] = []
      } else {
        sections[heading, default: []].append(String(line))
      }
    }
    self.sections = sections
  }

  var headings: [String] { sections.keys.sorted() }

  func text(_ heading: String) -> String? { sections[heading]?.joined(separator: " ") }

  /// The rows of the tables under a heading, without their heads: cells without the blanks around them.
  func rows(_ heading: String) -> [[String]] {
    var rows: [[String]] = []
    var isBody = false
    for line in sections[heading] ?? [] {
      guard line.hasPrefix("|") else {
        isBody = false
        continue
      }
      if line.hasPrefix("|---") {
        isBody = true
      } else if isBody {
        rows.append(line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false).map { Self.trimmed($0) })
      }
    }
    return rows
  }

  /// What stands in backticks.
  static func code(_ text: String) -> [String] { text.matches(of: /`([^`]+)`/).map { String($0.1) } }

  static func trimmed(_ text: Substring) -> String { text.trimmingCharacters(in: .whitespaces) }
}

/// Holds a page's rows against what the program has, and says for each difference what to write.
func compare(_ page: ReferencePage, _ heading: String, rows: [String], with wanted: [String]) {
  for row in wanted where !rows.contains(row) {
    Issue.record("\(page.path), section '\(heading)': add a row that begins with '| \(row) |', and say in it what that means")
  }
  for row in rows where !wanted.contains(row) {
    Issue.record(
      "\(page.path), section '\(heading)': take out or mend the row that begins with '| \(row) |'; the program has no such thing")
  }
}
