import Foundation
import Model
import Testing

@testable import Configuration

/// `etc/slipway.yaml`, the file that somebody starts with.
@Suite struct SampleTests {
  private static func sample() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("etc/slipway.yaml"), encoding: .utf8)
  }

  /// A key with its default that stands behind a `#`, and in a section behind a `#` and two blanks.
  private static func uncommented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.firstMatch(of: /^#((?:  )?[a-z_]+: .*)$/).map { String($0.1) } ?? String(line)
    }.joined(separator: "\n")
  }

  @Test("the sample is right as it stands, without a warning")
  func valid() throws {
    let (loaded, problems) = try LoadedConfiguration.examine(system: system([standard: Self.sample()]))
    #expect(problems == [] && loaded?.warnings == [])
    #expect(loaded?.configuration.clusters.map(\.name) == ["main"])
  }

  @Test("what it shows as a default is one")
  func defaults() throws {
    let plain = try load(Self.sample())
    let shown = try load(Self.uncommented(Self.sample()))
    #expect(shown.settings.count { $0.source != .default } >= 20, "the lines behind '#' were not found")
    for (before, after) in zip(plain.settings, shown.settings) where before.source == .default {
      #expect(before.value == after.value, "\(after.key.path) in etc/slipway.yaml")
    }
  }
}
