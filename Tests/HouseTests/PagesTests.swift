import Foundation
import Testing

/// The pages of documentation.
@Suite struct PagesTests {
  private static func pages() throws -> [String] {
    let manager = FileManager.default
    let found = try manager.subpathsOfDirectory(atPath: root.appendingPathComponent("docs").path).map { "docs/\($0)" }
    return (found + ["README.md", "etc/README.md"]).filter { $0.hasSuffix(".md") }.sorted()
  }

  @Test("every link within the repository leads to a file, and every one within a page to a heading")
  func links() throws {
    var dead: [String] = []
    var seen = 0
    for page in try Self.pages() {
      let url = root.appendingPathComponent(page)
      let text = try String(contentsOf: url, encoding: .utf8)
      let anchors = Set(text.matches(of: /(?m)^#+ (.*)$/).map { Self.anchor(String($0.1)) })
      for match in text.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
        seen += 1
        let parts = match.1.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        let leads: Bool
        if parts[0].isEmpty {
          leads = anchors.contains(parts[1])
        } else {
          leads = FileManager.default.fileExists(atPath: url.deletingLastPathComponent().appendingPathComponent(parts[0]).path)
        }
        if !leads { dead.append("\(page): \(match.1)") }
      }
    }
    #expect(dead == [])
    #expect(seen > 20, "the links were not found")
  }

  @Test("every command of a guide is run by a test: in the stack, in the package's clean system, or as a file that another block runs")
  func guides() throws {
    var untested: [String] = []
    var seen = 0
    for page in try Self.pages() where page.hasPrefix("docs/guides/") {
      let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
      for match in text.matches(of: /(?m)^```(sh|bash|python)(.*)$/) {
        seen += 1
        let words = match.2.split(separator: " ")
        if !words.contains("tested"), !words.contains("package"), !words.contains(where: { $0.hasPrefix("file=") }) {
          untested.append("\(page): ```\(match.1)\(match.2)")
        }
      }
    }
    #expect(untested == [], "say 'tested', 'package' or 'file=NAME' behind the language (docs/testing.md, Guides)")
    #expect(seen > 10, "the guides were not found")
  }

  /// A heading's anchor: lower case, blanks as dashes, no other punctuation.
  private static func anchor(_ heading: String) -> String {
    String(heading.lowercased().compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil })
  }
}
