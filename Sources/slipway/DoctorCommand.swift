internal import Agent
internal import ArgumentParser
internal import Wire

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Try every dependency, and say what to do where one fails.")

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let json = options.json
    try await Session.run(options) { session in
      let found = await session.agent.diagnose(context: session.context)
      let document = DoctorDocument(
        checks: found.map { DoctorDocument.Check(name: $0.name, status: $0.status.rawValue, detail: $0.detail, hint: $0.hint) })
      if json {
        try Output.document(document)
      } else {
        for check in document.checks {
          let mark = check.status == "ok" ? "ok     " : check.status == "warning" ? "warning" : "FAILED "
          Output.line("\(mark)  \(check.name): \(check.detail)" + (check.hint.map { "\n           → \($0)" } ?? ""))
        }
      }
      if !document.healthy { throw ExitCode(5) }
    }
  }
}
