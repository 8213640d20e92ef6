internal import AgentAPI
internal import ArgumentParser
internal import Model
internal import Wire

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Show every way to a disk of an image, which one would be taken, and why not the others.",
    usage: "slipway plan <image> [<options>]")

  @Argument(help: "Id, unique name, path or URL; see: slipway --help.") var image: String
  @Option(name: .long, help: "What the disk would be made on (default: disks.target).") var target: Target?
  @Option(name: .long, help: ArgumentHelp("Size of the disk, 20G say (default: the image's virtual size).", valueName: "size")) var size:
    SizeArgument?
  @OptionGroup var tier: TierOption
  @OptionGroup var source: ImageOptions
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, source, json) = (image, source, options.json)
    var request = PlanRequestDocument(image: image)
    (request.target, request.tier) = (target?.rawValue, tier.tier)
    let size = size
    source.fill(&request)
    let wanted = request
    try await Session.work(options, on: [image], deadline: deadline, grace: .seconds(1)) { engine, context in
      var wanted = wanted
      wanted.size = try size.map { try $0.bytes().bytes }
      let document = try await engine.plan(wanted, token: source.token(), context)
      if json {
        try Output.document(document)
      } else {
        for line in document.policy.map(Self.lines) ?? [] { Output.line(line) }
        for warning in document.policy?.warnings ?? [] { Output.note("warning: \(warning)") }
        if document.cached { Output.line("a base in the store serves \(document.image) as it is: nothing would be moved") }
        let chosen = document.candidates.firstIndex { $0.accepted && $0.route == document.route }
        for (index, candidate) in document.candidates.enumerated() { Output.line(Self.text(candidate, isChosen: index == chosen)) }
      }
      guard let failure = document.error?.slipwayError else { return }
      if !json { Output.report(failure, json: false) }
      throw ExitCode(failure.code.exitCode)
    }
  }

  /// The rule that holds, and under it what it demands.
  private static func lines(_ policy: PolicyDocument) -> [String] {
    ["trust rule: \(policy.rule)"]
      + policy.demands.flatMap { demand in
        Table.wrapped(demand, indent: 4).enumerated().map { $0.offset == 0 ? "  - " + $0.element.dropFirst(4) : $0.element }
      }
  }

  /// A candidate on lines of its own, since neither a location nor a sentence fits a column.
  private static func text(_ candidate: PlanDocument.Entry, isChosen: Bool) -> String {
    let verdict = candidate.accepted ? (isChosen ? "ok, and would be taken" : "ok") : candidate.reason
    let lines = ["\(isChosen ? "→" : " ") \(candidate.route): \(verdict)", "    \(candidate.url ?? "from the image service")"]
    return (lines + (candidate.detail.map { Table.wrapped($0, indent: 4) } ?? [])).joined(separator: "\n")
  }
}
