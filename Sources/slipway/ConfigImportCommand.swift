internal import ArgumentParser
internal import Configuration
internal import ImageStore
internal import Model
internal import Wire

struct ConfigImportNova: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-nova", abstract: "Print a configuration made from nova-compute's, and say what was taken.",
    usage: "slipway config import-nova [<options>]",
    discussion: "Nothing is written but to stdout, and no option that holds a credential is read.")

  @Option(
    name: .long, help: ArgumentHelp("nova-compute's configuration; nova-compute.conf and nova.conf.d beside it count.", valueName: "file"))
  var novaConf = "/etc/nova/nova.conf"
  @Option(
    name: .long,
    help: ArgumentHelp("The image service's configuration, for its pools (glance-api.conf), where there is a copy.", valueName: "file"))
  var glanceConf: String?
  @OptionGroup var options: CommonOptions

  func run() throws {
    let found = try NovaImport.read(nova: novaConf, glance: glanceConf)
    let yaml = found.yaml
    let problems = try Self.problems(yaml)
    if options.json {
      try Output.document(ConfigImportDocument(nova: novaConf, glance: glanceConf, found, problems: problems))
    } else {
      Output.line(yaml)
      if !options.quiet {
        for taken in found.taken { Output.note("taken: \(taken.option) = \(taken.value)\n  → \(taken.key): \(taken.setting)") }
        for left in found.left { Output.note("left: \(left.option)\(left.value.isEmpty ? "" : " = \(left.value)")\n  \(left.why)") }
      }
      for problem in problems { Output.note("the result is wrong as it stands: \(problem)") }
    }
    if !problems.isEmpty { throw ExitCode(ErrorCode.configuration.exitCode) }
  }

  /// What 'config check' would say of it.
  static func problems(_ yaml: String) throws -> [String] {
    let system = ConfigurationSystem(environment: [:], home: "/", read: { _ in Array(yaml.utf8) }, isReadable: { _ in false })
    return try LoadedConfiguration.examine(file: LoadedConfiguration.standardFile, system: system).1.map(\.sentence)
  }
}

extension ConfigImportDocument {
  init(nova: String, glance: String?, _ found: NovaImport, problems: [String]) {
    self.init(
      nova: nova, glance: glance, taken: found.taken.map { Taken(option: $0.option, value: $0.value, key: $0.key, setting: $0.setting) },
      left: found.left.map { Left(option: $0.option, value: $0.value, why: $0.why) }, problems: problems, yaml: found.yaml)
  }
}
