internal import AgentAPI
internal import ArgumentParser
internal import Configuration
internal import Foundation
internal import Logging
internal import Model

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve the API on its socket, and keep the store clean, scrubbed and warm.",
    usage: "slipway serve [<options>]",
    discussion: """
      SIGTERM ends it when what runs has ended, or after 20 s; fetches that were cut off go on with the next start. SIGHUP has the configuration read \
      again. systemd is told when it is ready (Type=notify).
      """)

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let options = options
    do {
      let daemon = Daemon.Options(
        load: { try LoadedConfiguration.load(file: options.config) }, environment: ProcessInfo.processInfo.environment,
        logger: { Log.daemon($0, options) }, bases: CacheDocuments.bases)
      let (signals, continuation) = AsyncStream<Daemon.Signal>.makeStream()
      Signals.onReload { continuation.yield(.reload) }
      Signals.onSignal { continuation.yield(.stop) }
      try await Daemon.run(daemon, signals: signals)
    } catch {
      let ours = SlipwayError.wrap(error)
      Output.report(ours, json: options.json)
      throw ExitCode(ours.code.exitCode)
    }
  }
}
