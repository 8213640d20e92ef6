internal import Agent
internal import ArgumentParser
internal import Cleaner
internal import Configuration
internal import Disks
internal import ImageStore
internal import Model
internal import Wire

struct CacheClean: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clean", abstract: "Remove bases by the rules of the configuration (clean.*), never one that something uses.",
    usage: "slipway cache clean [<options>]",
    discussion: "Stopped by 'slipway maintenance on'. Exit code 8 says that a base that was to go could not be removed.")

  @Flag(name: .long, help: "Only say what would go, and why.") var dryRun = false
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (dryRun, json, quiet) = (dryRun, options.json, options.quiet)
    try await Session.run(options, deadline: deadline) { session in
      let start = ContinuousClock.now
      let report = try await session.agent.clean(dryRun: dryRun, context: session.context) { gone in
        if !json, !quiet { Output.line(CleanText.line(gone, "removed")) }
      }
      let pool = try await session.agent.cleanPool(dryRun: dryRun, context: session.context)
      let document = CleanDocument(report, pool, store: session.agent.storePath, seconds: (ContinuousClock.now - start).seconds)
      if json {
        try Output.document(document)
      } else if !quiet {
        if dryRun { for gone in report.evicted { Output.line(CleanText.line(gone, "would go")) } }
        for old in report.quarantine { Output.line(CleanText.line(old, dryRun ? "would go" : "removed")) }
        CleanText.rest(report)
        PoolText.clean(pool, dryRun: dryRun)
        Output.note(CleanText.summary(report))
      }
      if quiet, !json { for error in report.failed.map(\.error) + report.undiscarded { Output.report(error, json: false) } }
      if report.hasFailures || !pool.failed.isEmpty { throw ExitCode(ErrorCode.batchFailed.exitCode) }
    }
  }
}

struct CachePurge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge",
    abstract: "Remove the bases of an image now, whatever the rules say; never one that something uses, claims or pins.",
    usage: "slipway cache purge <image> [<options>]")

  @Argument(help: "Image id, the name or location it had, or a base's file name.") var image: String
  @OptionGroup var deadline: DeadlineOption
  @OptionGroup var options: CommonOptions

  func run() async throws {
    let (image, json, quiet) = (image, options.json, options.quiet)
    try await Session.run(options, deadline: deadline) { session in
      let start = ContinuousClock.now
      let (report, pool) = try await session.agent.purgeEverywhere(image, context: session.context)
      let document = CleanDocument(report, pool, store: session.agent.storePath, seconds: (ContinuousClock.now - start).seconds)
      if json {
        try Output.document(document)
      } else if !quiet {
        for gone in report.evicted { Output.line(CleanText.line(gone, "removed")) }
        CleanText.rest(report)
        PoolText.clean(pool, dryRun: false)
      }
      if quiet, !json { for failed in report.failed { Output.report(failed.error, json: false) } }
      if !report.failed.isEmpty || !pool.failed.isEmpty { throw ExitCode(ErrorCode.batchFailed.exitCode) }
      if !report.kept.isEmpty || !pool.kept.isEmpty { throw ExitCode(ErrorCode.inUse.exitCode) }
    }
  }
}

/// A cleaning in words.
enum CleanText {
  static func line(_ gone: CleanReport.Evicted, _ word: String) -> String {
    let why = gone.rule.rawValue + (gone.detail.map { " (\($0))" } ?? "")
    return "\(word.padding(to: 8))  \(gone.base.name)  \(gone.reclaimed)  \(why)" + images(gone.base)
  }

  static func line(_ old: QuarantinedBase, _ word: String) -> String {
    "\(word.padding(to: 8))  \(old.path)  \(old.allocated)  quarantine (\(old.reason))"
  }

  /// What stays although a rule might ask for it, and what is wrong.
  static func rest(_ report: CleanReport) {
    for kept in report.kept where kept.reason != .notNeeded {
      let why = kept.reason.rawValue + (kept.detail.map { ": \($0)" } ?? "")
      Output.line("\("kept".padding(to: 8))  \(kept.base.name)  \(kept.base.allocated)  \(why)" + images(kept.base))
    }
    for error in report.failed.map(\.error) + report.undiscarded { Output.report(error, json: false) }
    for barrier in report.barriers { Output.note("nothing may go: \(barrier.detail)") }
    for disk in report.disks.unreadable {
      let extent =
        disk.mayReferTo.map { "what it may stand on stays: \($0.joined(separator: ", "))" } ?? "every base stays, since it may stand on any"
      Output.note("\(disk.path) cannot be read: \(disk.problem); \(extent)")
    }
    for path in report.disks.vanished { Output.note("\(path) went while it was looked at") }
    for (path, disks) in report.disks.missing.sorted(by: { $0.key < $1.key }) {
      Output.note("\(disks.first ?? "a disk") needs \(path), which is not there")
    }
    if let unasked = report.unasked { Output.note(unasked) }
  }

  static func summary(_ report: CleanReport) -> String {
    var counts: [KeepReason: Int] = [:]
    for kept in report.kept { counts[kept.reason, default: 0] += 1 }
    let kept = KeepReason.allCases.compactMap { reason in counts[reason].map { "\($0) \(reason.rawValue)" } }
    let stays = kept.isEmpty ? "none" : kept.joined(separator: ", ")
    let unmet = report.unmet.isEmpty ? "" : "; still exceeded: \(report.unmet.map(\.rawValue).joined(separator: ", "))"
    let verb = report.dryRun ? "would go" : "removed"
    let bytes = report.dryRun ? "to reclaim" : "reclaimed"
    return "\(report.evicted.count + report.quarantine.count) \(verb), \(report.reclaimed) \(bytes); kept: \(stays)\(unmet)"
  }

  private static func images(_ base: BaseSummary) -> String {
    let images = base.details?.images ?? []
    return images.isEmpty ? "" : "  image \(images.map(\.text).joined(separator: ", "))"
  }
}

extension CleanDocument {
  init(_ report: CleanReport, _ pool: PoolCleanReport, store: String, seconds: Double) {
    func images(_ base: BaseSummary) -> [String] { base.details?.images.map(\.text) ?? [] }
    self.init(
      store: store, dryRun: report.dryRun,
      evicted: report.evicted.map {
        Evicted(
          name: $0.base.name.text, path: $0.base.path, images: images($0.base), rule: $0.rule.rawValue, detail: $0.detail,
          reclaimed: $0.reclaimed.bytes)
      },
      quarantine: report.quarantine.map {
        Quarantined(
          path: $0.path, name: $0.name?.text, reason: $0.reason, since: PinText.time($0.since),
          reclaimed: $0.allocated.bytes)
      },
      kept: report.kept.map {
        Kept(name: $0.base.name.text, path: $0.base.path, images: images($0.base), reason: $0.reason.rawValue, detail: $0.detail)
      },
      failed: report.failed.map { Failed(name: $0.base.name.text, path: $0.base.path, error: $0.error) },
      unmet: report.unmet.map(\.rawValue), blocked: report.barriers.map { Blocked(reason: $0.reason.rawValue, detail: $0.detail) },
      disks: Disks(
        files: report.disks.files, overlays: report.disks.overlays,
        unreadable: report.disks.unreadable.map { Unreadable(path: $0.path, problem: $0.problem, mayReferTo: $0.mayReferTo) },
        vanished: report.disks.vanished, missing: report.disks.missing), unasked: report.unasked, pool: PoolCleanDocument(pool),
      seconds: seconds)
  }
}
