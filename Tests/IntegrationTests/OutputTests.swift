import Foundation
import Testing

/// What becomes of an answer that nobody takes.
@Suite(.timeLimit(.minutes(30))) struct OutputTests {
  /// Runs `slipway config show` through a shell that does `redirection` with its output.
  func shell(_ redirection: String) throws -> CommandResult {
    let host = try Host()
    let words = "'\(try Host.executable())' config show --config '\(host.config)'"
    return try Command.run("bash", ["-c", "set -o pipefail; \(words) \(redirection)"], environment: host.environment())
  }

  @Test func aFullDeviceIsAFailure() throws {
    let result = try shell("> /dev/full")
    #expect(result.status == 1)
    #expect(result.errors.contains("could not be written"))
  }

  @Test func aClosedOutputIsAFailure() throws {
    let result = try shell(">&-")
    #expect(result.status == 1)
    #expect(result.errors.contains("could not be written"))
  }

  @Test func aReaderThatLeavesIsNotTalkedTo() throws {
    // The reader is gone before the first byte.
    let result = try shell("| (exec <&-; sleep 0.3)")
    #expect(result.status == 0)
    #expect(result.errors.isEmpty)
  }

  @Test func everythingClosedHarmsNothing() async throws {
    let host = try Host { settings, scratch in settings.roots = [scratch.path] }
    let (file, out) = (host.scratch.file("i.raw"), host.scratch.file("out"))
    try Data(repeating: 5, count: 100_000).write(to: URL(fileURLWithPath: file))
    let words = "'\(try Host.executable())' fetch '\(file)' --disk-format raw --config '\(host.config)'"
    let closed = try Command.run("bash", ["-c", "exec <&- >&- 2>&-; \(words)"], environment: host.environment())
    #expect(closed.status == 1)
    // Its catalog and its base are whole: no answer was written into a file that got the number of stdout.
    let again = try Command.run("bash", ["-c", "\(words) --json > '\(out)'"], environment: host.environment())
    #expect(again.status == 0, "\(again.errors)")
    #expect(try String(contentsOfFile: out, encoding: .utf8).contains("\"outcome\":\"hit\""))
    #expect(!again.errors.contains("catalog"))
  }

  @Test func aListThatNeverEndsCanBeInterrupted() async throws {
    let host = try Host()
    let fifo = host.scratch.file("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    let program = try host.start(["prewarm", "--from", fifo])
    try await eventually("it listens to signals") { program.catchesSignals }
    try await Task.sleep(for: .milliseconds(200))
    program.interrupt()
    try await program.wait().failed(130, "cancelled")
  }

  @Test func aNameDoesNotCommandTheTerminal() throws {
    let host = try Host()
    let name = "evil\u{1B}]0;title\u{7}\u{1B}[2J\u{202E}"
    let result = try Command.run(
      Host.executable(), ["fetch", name, "--config", host.config], environment: host.environment())
    #expect(result.status == 3)
    #expect(result.errors.contains("evil"))
    for scalar in ["\u{1B}", "\u{7}", "\u{202E}"] { #expect(!result.errors.contains(scalar)) }
  }
}
