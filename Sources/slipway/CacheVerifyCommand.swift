internal import Agent
internal import ArgumentParser
internal import Configuration
internal import ImageStore
internal import Model
internal import Runtime
internal import Wire

struct CacheVerify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Read bases again and compare them with what was published.",
    usage: "slipway cache verify [<image>] [<options>]",
    discussion: """
      A damaged base that nothing uses goes into quarantine; one in use keeps its name and bytes, no new disk grows from it, and the disks that use it \
      are named. Exit code 4 (one image) or 8 (the whole store) says that something is damaged.
      """)

  @Argument(help: "Image id, the name it had, or the base's file name; without it every base.") var image: String?
  @Option(
    name: .long,
    help: ArgumentHelp("Bytes per second (default: scrub.rate for the whole store, no limit for one image).", valueName: "rate"))
  var rate: SizeArgument?
  @Flag(name: .long, help: "Bring again what went into quarantine.") var refetch = false
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, rate, refetch, json, quiet) = (image, rate, refetch, options.json, options.quiet)
    try await Session.run(options, deadline: deadline, progress: true) { session in
      let start = ContinuousClock.now
      let limit = try rate.map { try $0.bytes() } ?? (image == nil ? session.agent.configuration.scrub.rate : nil)
      let outcomes = try await session.agent.verify(image, rate: limit, refetch: refetch, context: session.context) { outcome in
        if !json, !quiet { Output.line(Self.line(VerifyDocument.Base(outcome))) }
      }
      session.context.progress(Progress(phase: .done))
      let document = VerifyDocument(
        store: session.agent.storePath, bases: outcomes.map { VerifyDocument.Base($0) }, seconds: (ContinuousClock.now - start).seconds)
      if json {
        try Output.document(document)
      } else if !quiet {
        let counts = ["sound", "damaged", "unverifiable", "failed"].map { "\(document.counts[$0] ?? 0) \($0)" }.joined(separator: ", ")
        Output.note("\(counts), \(document.seconds) s")
      }
      let isBad = outcomes.contains { $0.isDamaged || $0.error != nil }
      guard isBad else { return }
      if image == nil { throw ExitCode(ErrorCode.batchFailed.exitCode) }
      let code = outcomes.contains { $0.isDamaged } ? .baseDamaged : outcomes.compactMap { $0.error?.code }.first ?? .baseDamaged
      throw ExitCode(code.exitCode)
    }
  }

  private static func line(_ base: VerifyDocument.Base) -> String {
    var parts = ["\(base.verdict.padding(to: 12))  \(base.name)"]
    if base.damagedBlocks > 0 { parts.append("\(base.damagedBlocks) of \(base.blocks) blocks differ") }
    if let clause = VerifyConsequence.clause(base.consequence, quarantine: base.quarantine) { parts.append(clause) }
    if let detail = base.detail { parts.append(detail) }
    if !base.usedBy.isEmpty { parts.append("used by \(base.usedBy.joined(separator: ", "))") }
    if base.refetched != nil { parts.append("brought again") }
    if let error = base.error { parts.append(error.message) }
    return parts.joined(separator: "  ")
  }
}

extension VerifyDocument.Base {
  init(_ outcome: VerifyOutcome) {
    let report = outcome.report
    var (verdict, detail): (String, String?) = ("failed", nil)
    switch report?.verdict {
    case .sound: verdict = "sound"
    case .damaged: (verdict, detail) = ("damaged", report?.reason)
    case .unverifiable(let reason): (verdict, detail) = ("unverifiable", reason)
    case nil: break
    }
    if case .marked(let why) = outcome.consequence {
      let stays = outcome.users.isEmpty ? why.sentence(outcome.base.name.text) : nil
      let parts = [detail, stays].compactMap { $0 }
      detail = parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
    self.init(
      name: outcome.base.name.text, path: outcome.base.path, images: outcome.base.details?.images.map(\.text) ?? [], verdict: verdict,
      detail: detail, blocks: report?.blocks ?? 0, damagedBlocks: report?.damagedBlocks ?? 0,
      damaged: (report?.damaged ?? []).map { .init(offset: $0.offset, length: $0.length) }, read: report?.read.bytes ?? 0,
      consequence: outcome.consequence.word, quarantine: outcome.consequence.quarantine, usedBy: outcome.users,
      refetched: outcome.refetched?.path, error: outcome.error)
  }
}
