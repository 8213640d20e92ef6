internal import Agent
internal import ArgumentParser
internal import Configuration
internal import ImageStore
internal import Model
internal import PoolStore
internal import Runtime
internal import Wire

struct CacheAudit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Hold what is cached against today's policy and inspectors, and name the disks that grow from what fails.",
    usage: "slipway cache audit [<image>] [<options>]",
    discussion: """
      Everything is judged, Nova's bases too: by the evidence that is kept, and by its bytes, which are read. Exit code 4 says that something fails, 8 \
      that nothing fails but some could not be judged.
      """)

  @Argument(help: "Image id, the name it had, or the base's file name; without it every base.") var image: String?
  @Option(
    name: .long,
    help: ArgumentHelp("Bytes per second (default: scrub.rate for the whole store, no limit for one image).", valueName: "rate"))
  var rate: SizeArgument?
  @Flag(name: .long, help: "Take what fails by its bytes out of use: into quarantine, or marked where something uses it.") var mark = false
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, rate, mark, json, quiet) = (image, rate, mark, options.json, options.quiet)
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let start = ContinuousClock.now
      let limit = try rate.map { try $0.bytes() } ?? (image == nil ? session.agent.configuration.scrub.rate : nil)
      let report = try await session.agent.audit(image, rate: limit, mark: mark, context: session.context)
      session.context.progress(Progress(phase: .done))
      let document = AuditDocument(
        store: session.agent.storePath, bases: report.outcomes.map { AuditDocument.Base($0) },
        pool: report.pooled.map { AuditDocument.Base($0) }, unavailable: report.unavailable, unsearched: report.unsearched,
        seconds: (ContinuousClock.now - start).seconds)
      if json {
        try Output.document(document)
      } else if !quiet {
        Self.show(document)
      }
      if report.verdicts.contains(.failed) { throw ExitCode(ErrorCode.baseDamaged.exitCode) }
      let isUnjudged = report.verdicts.contains(.unjudged) || report.outcomes.contains { $0.error != nil } || report.unavailable != nil
      if isUnjudged { throw ExitCode(ErrorCode.batchFailed.exitCode) }
    }
  }

  private static func show(_ document: AuditDocument) {
    Output.line(
      Table.text(
        ["VERDICT", "BASE", "IMAGE", "MADE BY", "RULE", "FINDINGS"],
        (document.bases + document.pool).map { base in
          let findings = base.findings.map(\.code) + [base.error?.code].compactMap { $0 }
          return [
            base.verdict, base.name, base.images.first ?? "-", base.madeBy, base.rule ?? "-",
            findings.isEmpty ? "-" : findings.joined(separator: ", "),
          ]
        }))
    for base in document.bases + document.pool where base.verdict != "passed" || base.consequence != "none" {
      Output.line("")
      Output.line(base.path)
      var lines = base.findings.map(\.message) + [base.error?.message].compactMap { $0 }
      if let clause = VerifyConsequence.clause(base.consequence, quarantine: base.quarantine) { lines.append(clause) }
      if base.verdict == "failed" {
        lines += base.usedBy.isEmpty ? ["no disk stands on it"] : base.usedBy.map { "used by \($0)" }
      }
      for line in lines { Output.line("  " + line) }
    }
    if let problem = document.unavailable { Output.note("a pool for bases could not be looked into: \(problem.message)") }
    for sentence in document.unsearched { Output.note("more disks may stand on what fails: \(sentence)") }
    let counts = AuditOutcome.Verdict.allCases.map { "\(document.counts[$0.rawValue] ?? 0) \($0.rawValue)" }.joined(separator: ", ")
    Output.note("\(counts), \(document.seconds) s")
  }
}

extension AuditDocument.Base {
  init(_ outcome: PoolAuditOutcome) {
    let base = outcome.base
    self.init(
      name: base.name.image, path: base.path, images: ([base.record.image].compactMap { $0 } + base.usage.images).map(\.text),
      madeBy: "slipway", rule: outcome.rule, verdict: outcome.verdict.rawValue,
      findings: outcome.findings.map { .init(code: $0.error.code.rawValue, message: $0.error.message, bytes: $0.isAboutBytes) },
      read: outcome.read.bytes, usedBy: outcome.users, consequence: VerifyConsequence.none.word, quarantine: nil, error: outcome.error)
  }

  init(_ outcome: AuditOutcome) {
    self.init(
      name: outcome.base.name.text, path: outcome.base.path, images: outcome.base.details?.images.map(\.text) ?? [],
      madeBy: outcome.base.isForeign ? "nova-compute" : "slipway", rule: outcome.rule, verdict: outcome.verdict.rawValue,
      findings: outcome.findings.map { .init(code: $0.error.code.rawValue, message: $0.error.message, bytes: $0.isAboutBytes) },
      read: outcome.read.bytes, usedBy: outcome.users, consequence: outcome.consequence.word, quarantine: outcome.consequence.quarantine,
      error: outcome.error)
  }
}
