internal import ArgumentParser
internal import Configuration
internal import Model
internal import Wire

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check the configuration, or show what holds and where it came from.",
    subcommands: [ConfigCheck.self, ConfigShow.self])
}

struct ConfigCheck: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "check", abstract: "Tell everything that is wrong with the configuration.")

  @OptionGroup var options: CommonOptions

  func run() throws {
    let (loaded, problems) = try LoadedConfiguration.examine(file: options.config)
    if options.json {
      try Output.document(
        ConfigCheckDocument(
          file: loaded?.file, problems: problems.map(\.description), warnings: loaded?.warnings ?? []))
    } else {
      for problem in problems { Output.note("\(problem)") }
      for warning in loaded?.warnings ?? [] { Output.note("warning: \(warning)") }
      if problems.isEmpty { Output.line("\(loaded?.file ?? "no file: the embedded defaults"): ok") }
    }
    if !problems.isEmpty { throw ExitCode(2) }
  }
}

struct ConfigShow: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show every key with its value, secrets left out.")

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

private struct ConfigShowDocument: Encodable {
  var version = 1
  var file: String?
  var settings: [Setting]
}
