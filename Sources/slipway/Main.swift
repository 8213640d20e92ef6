internal import ArgumentParser
internal import CLinux
internal import CTcmalloc
internal import Foundation
internal import Model

/// The process: sets what is process-wide, parses, runs the verb, and ends with its exit code.
@main
enum Main {
  static func main() async {
    slipway_keep_standard_descriptors()
    // librados allocates and frees page-aligned megabytes for every read: glibc maps, faults and unmaps each, or, told to keep them, grows its heap
    // to twice what is alive. tcmalloc keeps what it freed and uses it again.
    _ = MallocExtension_SetNumericProperty("tcmalloc.max_total_thread_cache_bytes", 8 << 20)
    Signals.prepare()
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if let error = Usage.verbError(arguments) { throw error }
      let command = try Slipway.parseAsRoot(arguments)
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        var command = command
        try command.run()
      }
      Output.exit(0)
    } catch {
      end(error, arguments)
    }
  }

  /// The argument parser's own ends (help, usage) and everything that a verb did not report itself.
  private static func end(_ error: any Error, _ arguments: [String]) -> Never {
    if let code = error as? ExitCode { Output.exit(code.rawValue) }
    if let ours = error as? SlipwayError {
      Output.report(ours, json: arguments.contains("--json"))
      Output.exit(ours.code.exitCode)
    }
    let code = Slipway.exitCode(for: error)
    if code == .success {
      Output.line(Slipway.fullMessage(for: error))
      Output.exit(0)
    }
    // The parser's usage errors are 64 by its own reckoning; ours are 2, with one document on stdout under --json.
    let ours = Usage.error(error, arguments)
    Output.report(ours, json: arguments.contains("--json"))
    Output.exit(ours.code.exitCode)
  }
}
