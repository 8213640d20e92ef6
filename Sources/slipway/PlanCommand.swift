internal import Agent
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
    let (image, target, size, source, tier, json) = (image, target, size, source, tier, options.json)
    try await Session.run(options, deadline: deadline, grace: .seconds(1)) { session in
      let request = try tier.put(into: source.request(image, environment: session.environment))
      let answer = try await session.agent.plan(
        request, target: target, size: size.map { try $0.bytes() }, context: session.context
      )
      let document = PlanDocument(
        image: answer.image, plan: answer.plan, cached: answer.cached, policy: answer.policy.map { PolicyDocument($0) },
        error: answer.failure, convert: answer.convert?.rawValue)
      if json {
        try Output.document(document)
      } else {
        for line in answer.policy.map(Self.lines) ?? [] { Output.line(line) }
        for warning in answer.policy?.warnings ?? [] { Output.note("warning: \(warning)") }
        if answer.cached { Output.line("a base in the store serves \(answer.image) as it is: nothing would be moved") }
        for (index, candidate) in answer.plan.candidates.enumerated() {
          Output.line(Self.text(candidate, isChosen: index == answer.plan.chosen))
        }
      }
      guard let failure = answer.failure else { return }
      if !json { Output.report(failure, json: false) }
      throw ExitCode(failure.code.exitCode)
    }
  }

  /// The rule that holds, and under it what it demands.
  private static func lines(_ policy: PolicyView) -> [String] {
    ["trust rule: \(policy.rule)"]
      + policy.demands.flatMap { demand in
        Table.wrapped(demand, indent: 4).enumerated().map { $0.offset == 0 ? "  - " + $0.element.dropFirst(4) : $0.element }
      }
  }

  /// A candidate on lines of its own, since neither a location nor a sentence fits a column.
  private static func text(_ candidate: Candidate, isChosen: Bool) -> String {
    let verdict = candidate.accepted ? (isChosen ? "ok, and would be taken" : "ok") : candidate.reason.rawValue
    let lines = ["\(isChosen ? "→" : " ") \(candidate.route.rawValue): \(verdict)", "    \(candidate.url ?? "from the image service")"]
    return (lines + (candidate.detail.map { Table.wrapped($0, indent: 4) } ?? [])).joined(separator: "\n")
  }
}

extension PolicyDocument {
  init(_ policy: PolicyView) {
    self.init(
      rule: policy.rule, owner: policy.owner, stores: policy.stores, signature: policy.signature.rawValue, digest: policy.digest.rawValue,
      clone: policy.clone.rawValue, minRSABits: policy.minimumRSABits, minDSABits: policy.minimumDSABits, keyTypes: policy.keyTypes,
      formats: policy.formats, vmdkSubformats: policy.vmdkSubformats, maxVirtualSize: policy.maximumVirtualSize?.bytes,
      signatureCoversDigest: policy.signatureCoversDigest, demands: policy.demands, warnings: policy.warnings)
  }
}
