import Foundation
import Model
import Testing

@testable import Configuration

/// What is shown: values with their source, secrets redacted, and the page of documentation.
@Suite struct ShowTests {
  @Test("what is shown reads back as the same configuration")
  func roundTrip() throws {
    let loaded = try load(ParsingTests.everything)
    #expect(try load(loaded.yaml).configuration == loaded.configuration)
  }

  @Test(
    "texts that YAML would read otherwise are quoted", arguments: ["null", "on", "a: b", "-x", "a #b", "", "ü\"\\\n\u{1}", "*x", "[a]"])
  func quoting(_ text: String) throws {
    #expect(YAML.quoted(text).hasPrefix("\""))
    guard !text.isEmpty else { return }
    let loaded = try load("trust: { trusted: [\(YAML.quoted(text))] }")
    #expect(loaded.configuration.trust.trusted == [text])
    #expect(try load(loaded.yaml).configuration.trust.trusted == [text])
  }

  @Test("each line says where its value came from")
  func sources() throws {
    let yaml = try load("log:\n  level: debug", ["SLIPWAY_LIMITS_TRANSFERS": "9"]).yaml
    #expect(yaml.contains("  level: debug  # \(standard):2\n"))
    #expect(yaml.contains("  transfers: 9  # SLIPWAY_LIMITS_TRANSFERS\n"))
    #expect(yaml.contains("  format: auto  # default\n"))
  }

  @Test("credentials in a URL are shown nowhere")
  func redaction() throws {
    let loaded = try load("images: { endpoint: 'https://me:hunter2@host/v2?token=hunter2' }")
    #expect(loaded.configuration.images.endpoint?.contains("hunter2") == true)
    let json = try String(decoding: JSONEncoder().encode(loaded.settings), as: UTF8.self)
    #expect(!loaded.yaml.contains("hunter2") && !json.contains("hunter2"))
    #expect(loaded.yaml.contains("host/v2"))
  }

  @Test("the value of a secret key is hidden when shown and in errors")
  func secrets() {
    let key = Key("a.b", .int(0...9), "0", secret: true, "A secret.")
    #expect(key.shown(.int(7)) == .string("***"))
    let issue = #expect(throws: Issue.self) { try Scalars(path: "a.b", line: 1, isSecret: true).value("4711", .int(0...9)) }
    #expect(issue?.message.contains("4711") == false)
  }

  @Test("settings are encoded with key, value and source, values as JSON's own types")
  func json() throws {
    struct Shown: Decodable, Equatable {
      let key: String
      let source: String
    }
    let settings = try load("clusters: [{ name: main }]").settings
    let data = try JSONEncoder().encode(settings)
    #expect(try JSONDecoder().decode([Shown].self, from: data).first == Shown(key: "clusters", source: "\(standard):1"))
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains("\"image_pools\":[\"images\"]") && text.contains("\"fsid\":null") && text.contains("\"10%\""))
  }

  @Test("the distance counts slips of the fingers")
  func distance() {
    #expect(Nearest.distance("path", "path") == 0)
    #expect(Nearest.distance("pth", "path") == 1)
    #expect(Nearest.distance("paht", "path") == 1)
    #expect(Nearest.distance("", "path") == 4)
  }

  @Test("docs/configuration.md is what the key table says")
  func page() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let page = root.appendingPathComponent("docs/configuration.md")
    if ProcessInfo.processInfo.environment["SLIPWAY_WRITE_DOCS"] == "1" {
      try Reference.markdown.write(to: page, atomically: true, encoding: .utf8)
    }
    let committed = try String(contentsOf: page, encoding: .utf8)
    #expect(committed == Reference.markdown, "make it again: SLIPWAY_WRITE_DOCS=1 swift test --filter ConfigurationTests")
  }
}
