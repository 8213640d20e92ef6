internal import Agent
internal import ArgumentParser
internal import Runtime
internal import Wire

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Try every dependency, and say what to do where one fails.", usage: "slipway doctor [<options>]")

  /// What has not answered by then is called unavailable.
  private static let patience = Duration.seconds(30)

  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let json = options.json
    try await Session.run(options, deadline: deadline, grace: .seconds(1)) { session in
      var context = session.context
      context.deadline = context.deadline.capped(Self.patience)
      let found = await session.agent.diagnose(context: context)
      try Task.checkCancellation()
      let document = DoctorDocument(
        checks: found.map { DoctorDocument.Check(name: $0.name, status: $0.status.rawValue, detail: $0.detail, hint: $0.hint) })
      if json {
        try Output.document(document)
      } else {
        for check in document.checks {
          let mark = check.status == "ok" ? "ok     " : check.status == "warning" ? "warning" : "FAILED "
          let detail = Table.wrapped("\(check.name): \(check.detail)", indent: 9, width: 96).joined(separator: "\n").dropFirst(9)
          Output.line("\(mark)  \(detail)" + (check.hint.map { "\n           → \($0)" } ?? ""))
        }
      }
      if !document.healthy { throw ExitCode(5) }
    }
  }
}
