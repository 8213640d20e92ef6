import ArgumentParser
import Model
import Testing

@testable import slipway

/// What a mistyped command line is answered with.
@Suite struct UsageTests {
  /// The error for a line that the parser refuses.
  private func refused(_ line: String) throws -> SlipwayError {
    let words = line.split(separator: " ").map(String.init)
    if let error = Usage.verbError(words) { return error }
    let error = try #require(throws: (any Error).self) { _ = try Slipway.parseAsRoot(words) }
    return Usage.error(error, words)
  }

  @Test("a verb that there is not is named, with the nearest")
  func unknownVerb() throws {
    let error = try refused("ftech x --json")
    #expect(error.code == .usage && error.message == "'slipway' has no verb 'ftech'")
    #expect(error.hint?.hasPrefix("did you mean 'fetch'? It has: doctor, plan, fetch,") == true)
  }

  @Test("so is one of a group, also when help is asked for")
  func unknownVerbOfAGroup() throws {
    #expect(try refused("help disk mount").message == "'slipway disk' has no verb 'mount'")
    #expect(try refused("disk vm1").hint?.contains("create, list, show, delete") == true)
  }

  @Test("an option before the verb is told to come after it", arguments: ["--json fetch x", "disk --json"])
  func optionFirst(line: String) throws {
    let error = try refused(line)
    #expect(error.message.contains("needs a verb before '--json'") && error.hint?.contains("options come after the verb") == true)
  }

  @Test(
    "help, version, completions and verbs are left to the parser",
    arguments: ["", "--help", "help", "help fetch", "disk -h", "--version", "plan"])
  func leftAlone(line: String) {
    #expect(Usage.verbError(line.split(separator: " ").map(String.init)) == nil)
  }

  @Test("a bad value is told with what the option takes, and where help is")
  func badValue() throws {
    let error = try refused("plan x --deadline soon")
    #expect(error.message.contains("'soon'") && error.message.contains("--deadline"))
    #expect(error.hint?.contains("30s, 10m, 2h") == true && error.hint?.hasSuffix("see: slipway help plan") == true)
  }

  @Test("a sentence of the parser begins small and has no full stop, as ours")
  func sentence() throws {
    let error = try refused("plan x --target floppy")
    #expect(error.message.hasPrefix("the value 'floppy'") && !error.message.hasSuffix("."))
  }

  @Test("what excludes each other is told", arguments: ["prewarm", "prewarm a --tag b", "prewarm --tag a --all-public"])
  func exclusive(line: String) throws {
    #expect(try refused(line).message == "name images, or give one of --tag, --set, --from and --all-public")
  }
}
