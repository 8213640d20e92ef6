internal import ArgumentParser
internal import Configuration
internal import Model
internal import Wire

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check the configuration, show what holds and where it came from, or begin one.",
    subcommands: [ConfigCheck.self, ConfigShow.self, ConfigImportNova.self])
}

struct ConfigCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Tell everything that is wrong with the configuration.", usage: "slipway config check [<options>]")

  @OptionGroup var options: CommonOptions

  func run() throws {
    let (loaded, problems) = try LoadedConfiguration.examine(file: options.config)
    let file = loaded?.file ?? LoadedConfiguration.place(file: options.config)
    let warnings = loaded?.warnings ?? []
    if options.json {
      try Output.document(ConfigCheckDocument(file: file, problems: problems.map(\.sentence), warnings: warnings))
    } else {
      for problem in problems { Output.note("\(problem)" + (problem.hint.map { "\n  \($0)" } ?? "")) }
      for warning in warnings { Output.note("warning: \(warning)") }
      if problems.isEmpty { Output.line("\(file ?? "no file, the embedded defaults"): ok") }
    }
    if !problems.isEmpty { throw ExitCode(ErrorCode.configuration.exitCode) }
  }
}

struct ConfigShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show every key with its value and source, secrets left out.", usage: "slipway config show [<options>]")

  @OptionGroup var options: CommonOptions

  func run() throws {
    let loaded = try LoadedConfiguration.load(file: options.config)
    if options.json {
      try Output.document(ConfigShowDocument(file: loaded.file, settings: loaded.settings))
    } else {
      Output.line(loaded.yaml)
    }
  }
}
