import ArgumentParser
import Foundation
import Testing

@testable import slipway

/// `cli.md` has every verb and option that the program has, and no other.
@Suite struct VerbsReferenceTests {
  /// A verb as the parser dumps it.
  struct Verb {
    let path: String
    /// What is written after the verb's name: `IMAGE`, `IMAGE…`, `on|off`.
    let positionals: [String]
    /// `--target TARGET`, `--json`, `-q`.
    let options: Set<String>
    /// The words that an option takes, where they are few.
    let words: [String: [String]]

    init(path: String, arguments: [[String: Any]]) {
      self.path = path
      var positionals: [String] = []
      var options: Set<String> = []
      var words: [String: [String]] = [:]
      for argument in arguments {
        let value = argument["valueName"] as? String ?? "?"
        let values = argument["allValues"] as? [String] ?? []
        if argument["kind"] as? String == "positional" {
          let word = values.isEmpty ? value.uppercased() : values.joined(separator: "|")
          positionals.append(word + (argument["isRepeating"] as? Bool == true ? "…" : ""))
        }
        for name in argument["names"] as? [[String: Any]] ?? [] {
          let text = name["name"] as? String ?? "?"
          guard name["kind"] as? String == "long" else {
            options.insert("-\(text)")
            continue
          }
          let option = argument["kind"] as? String == "option" ? "--\(text) \(value.uppercased())" : "--\(text)"
          options.insert(option)
          words[option] = values
        }
      }
      self.positionals = positionals
      self.options = options
      self.words = words
    }
  }

  /// Every verb of the program, groups left out.
  static func verbs() throws -> [Verb] {
    let dump = try JSONSerialization.jsonObject(with: Data(Slipway._dumpHelp().utf8)) as? [String: Any]
    var found: [Verb] = []
    func visit(_ command: [String: Any], _ above: [String]) {
      let path = above + [command["commandName"] as? String ?? "?"]
      let inner = command["subcommands"] as? [[String: Any]] ?? []
      for command in inner where command["commandName"] as? String != "help" { visit(command, path) }
      if inner.isEmpty { found.append(Verb(path: path.joined(separator: " "), arguments: command["arguments"] as? [[String: Any]] ?? [])) }
    }
    visit(try #require(dump?["command"] as? [String: Any]), [])
    return found
  }

  private static let shared = "Options of every verb"

  @Test("every verb has its section, and every section a verb")
  func sections() throws {
    let page = try ReferencePage("cli.md")
    let verbs = try Self.verbs()
    for verb in verbs where page.text(verb.path) == nil {
      Issue.record(
        "\(page.path): add a section '### \(verb.path)' that says what it does, with its options in a table and 'With `--json`: [name](#name)'"
      )
    }
    for heading in page.headings where heading.hasPrefix("slipway ") && !verbs.contains(where: { $0.path == heading }) {
      Issue.record("\(page.path): take out the section '### \(heading)'; there is no such verb")
    }
    #expect(verbs.count > 10)
  }

  @Test("the options of every verb are those that every verb has")
  func sharedOptions() throws {
    let page = try ReferencePage("cli.md")
    let rows = page.rows(Self.shared).flatMap { ReferencePage.code($0[0]) }
    let everywhere = try Self.verbs().map(\.options)
    let common = everywhere.dropFirst().reduce(everywhere.first ?? []) { $0.intersection($1) }
    compare(page, Self.shared, rows: rows.map { "`\($0)`" }, with: common.sorted().map { "`\($0)`" })
  }

  @Test("a verb's table has its own options, and the words that they take")
  func options() throws {
    let page = try ReferencePage("cli.md")
    let shared = Set(page.rows(Self.shared).flatMap { ReferencePage.code($0[0]) })
    for verb in try Self.verbs() where page.text(verb.path) != nil {
      let rows = page.rows(verb.path)
      compare(
        page, verb.path, rows: rows.flatMap { ReferencePage.code($0[0]) }.map { "`\($0)`" },
        with: verb.options.subtracting(shared).sorted().map { "`\($0)`" })
      for row in rows where !row[1].contains("as for") {
        for word in ReferencePage.code(row[0]).flatMap({ verb.words[$0] ?? [] }) where !row[1].contains("`\(word)`") {
          Issue.record("\(page.path), section '\(verb.path)': the row of \(row[0]) does not tell the word `\(word)`")
        }
      }
    }
  }

  @Test("a verb's section shows how it is called, and which document it prints")
  func usage() throws {
    let page = try ReferencePage("cli.md")
    for verb in try Self.verbs() {
      guard let text = page.text(verb.path) else { continue }
      let call = ([verb.path] + verb.positionals).joined(separator: " ")
      if !verb.positionals.isEmpty, !text.contains("`\(call)") {
        Issue.record("\(page.path), section '\(verb.path)': begin with '`\(call)`: what it does'")
      }
      // It prints none: it serves them.
      if verb.path == "slipway serve" { continue }
      let link = text.firstMatch(of: /With `--json`: \[([^\]]+)\]\(#([a-z-]+)\)/)
      guard let link, page.text(String(link.1)) != nil, link.2 == link.1.replacing(" ", with: "-") else {
        Issue.record(
          "\(page.path), section '\(verb.path)': say 'With `--json`: [name](#name)', where '### name' under Documents has the document's keys"
        )
        continue
      }
    }
  }

  @Test("help fits a terminal of 80 columns")
  func helpIsNarrow() {
    func visit(_ command: any ParsableCommand.Type) {
      for line in Slipway.helpMessage(for: command, columns: 80).split(separator: "\n") where line.count > 80 {
        Issue.record("the help of \(command) has a line of \(line.count) columns: \(line)")
      }
      for inner in command.configuration.subcommands { visit(inner) }
    }
    visit(Slipway.self)
  }
}
