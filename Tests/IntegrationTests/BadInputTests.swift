import Foundation
import Testing

/// Bad input gets one sentence, and the exit code that says what to do about it.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct BadInputTests {
  /// The host of a case, and its words with the test's own things in them.
  func prepare(_ input: BadInput) async throws -> (Host, [String]) {
    let image = try await Images.shared.raw()
    let host = try Host { settings, scratch in
      let roots = scratch.file("roots")
      settings.roots = [roots]
      try FileManager.default.createDirectory(atPath: roots, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: roots + "/link", withDestinationPath: "/etc/passwd")
      try Data(count: 4096).write(to: URL(fileURLWithPath: roots + "/file"))
      try input.change(&settings, scratch)
    }
    let places = [
      "{image}": image.id, "{name}": image.name, "{fsid}": try host.stack.fsid, "{fsid2}": try host.stack.fsid2,
      "{file}": host.scratch.file("roots/file"), "{dir}": host.scratch.path, "{disk}": host.diskName(),
    ]
    let words = input.words.map { word in places.reduce(word) { $0.replacingOccurrences(of: $1.key, with: $1.value) } }
    return (host, words)
  }

  func check(_ input: BadInput) async throws {
    let (host, words) = try await prepare(input)
    let told = try await run(host, words, json: true)
    if words.first == "disk", words.dropFirst().first == "list" {
      // A list has its own document: what it found, and what it could not ask.
      #expect(told.status == input.status)
      #expect(try told.document()["unavailable"].list.first?["code"].text == input.code, "\(told.output)")
    } else if words.first == "plan" {
      #expect(told.status == input.status, "\(told.output)")
      _ = try told.document()
    } else {
      let error = try told.failed(input.status, input.code)
      let said = (error["message"].text ?? "") + (error["hint"].text ?? "") + (error["object"].text ?? "")
      #expect(input.isNamed(in: said), "\(said)")
      #expect(
        error["message"].text?.contains("\n") == false || input.code == "configuration" || input.code == "usage", "one sentence: \(said)")
    }
    let people = try await run(host, words, json: false)
    #expect(people.status == input.status, "\(people.errors)")
    if words.first != "disk" || words.dropFirst().first != "list" { #expect(people.output.isEmpty, "\(people.output)") }
    #expect(input.isNamed(in: people.errors), "\(people.errors)")
    let lines = people.errors.split(separator: "\n").filter { !$0.hasPrefix("warning: ") }
    let sentences = lines.filter { $0.hasPrefix("slipway: ") || $0.hasPrefix("Error: ") }
    #expect(sentences.count == 1, "\(people.errors)")
    #expect(!people.errors.contains("Fatal error"))
    #expect(host.stored("bases").isEmpty)
    #expect(host.stored("tmp").isEmpty)
  }

  func run(_ host: Host, _ words: [String], json: Bool) async throws -> Ending {
    // What follows "--" is no option.
    let end = words.firstIndex(of: "--") ?? words.endIndex
    let all = Array(words[..<end]) + ["--config", host.config] + (json ? ["--json"] : []) + Array(words[end...])
    return try await Program.start(Host.executable(), all, environment: host.environment(), directory: host.scratch.path).wait()
  }

  @Test(arguments: BadInput.images) func images(input: BadInput) async throws { try await check(input) }
  @Test(arguments: BadInput.locations) func locations(input: BadInput) async throws { try await check(input) }
  @Test(arguments: BadInput.disks) func disks(input: BadInput) async throws { try await check(input) }
  @Test(arguments: BadInput.hosts) func hosts(input: BadInput) async throws { try await check(input) }

  // MARK: the other end

  @Test func aClosedStandardOutputHarmsNothing() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    for redirection in [">&-", "<&- >&- 2>&-"] {
      let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirection)"]
      let ending = try await host.start(["fetch", image.id], wrapper: shell).wait()
      // Who asked has no answer, and is told so.
      #expect(ending.status == 1, "\(ending)")
      #expect(ending.output.isEmpty)
    }
    // What was written went nowhere, not into a file that had got the descriptor's number.
    let listed = try await host.run("cache", "list").succeeded()
    #expect(listed["bases"].list.count == 1)
    let path = try #require(listed["bases"].list.first?["path"].text)
    try await Compare.guest(path, "qcow2", image.file, "raw")
  }

  @Test func aReaderThatLeavesIsNoFailure() async throws {
    let host = try Host()
    let shell = ["/bin/sh", "-c", "{ \"$0\" \"$@\"; echo $? >&2; } | true"]
    let ending = try await host.start(["config", "show"], wrapper: shell).wait()
    #expect(ending.errors.trimmingCharacters(in: .whitespacesAndNewlines) == "0", "\(ending)")
  }

  @Test func anAnswerThatCannotBeWrittenIsAFailure() async throws {
    let host = try Host()
    let shell = ["/bin/sh", "-c", "exec \"$0\" \"$@\" >/dev/full"]
    let ending = try await host.start(["config", "show"], wrapper: shell).wait()
    #expect(ending.status == 1, "\(ending)")
    #expect(ending.errors.contains("slipway: "), "\(ending.errors)")
  }
}
