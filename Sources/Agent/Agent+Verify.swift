internal import Cleaner
internal import Disks
internal import Configuration
public import ImageStore
public import Model
public import Runtime

/// What became of verifying one base.
public struct VerifyOutcome: Sendable {
  /// The base, as it was before.
  public let base: BaseSummary
  /// What was found, nil when the verification failed.
  public var report: VerifyReport?
  /// What that led to.
  public var consequence: VerifyConsequence = .none
  /// Disks that stand on a damaged base, by path.
  public var users: [String] = []
  /// The base that was brought in place of one in quarantine.
  public var refetched: FetchAnswer?
  /// Why it was not verified, settled or brought again.
  public var error: SlipwayError?

  /// Whether the store holds, or held until now, damaged bytes that nothing has replaced.
  public var isDamaged: Bool { report?.verdict == .damaged && refetched == nil }
}

extension Agent {
  /// Reads bases again and compares them with what was published: those of one image, or all. A damaged one that nothing uses goes into quarantine,
  /// and is brought again with `refetch`; one in use is marked, and the disks that use it are named. `done` is told of each.
  ///
  /// Throws `base_not_found`, `busy` for all bases in maintenance, `timeout`, `CancellationError`; what befalls one base is its outcome.
  public func verify(
    _ image: String?, rate: ByteCount?, refetch: Bool, context: RequestContext, done: @escaping @Sendable (VerifyOutcome) -> Void = { _ in }
  ) async throws -> [VerifyOutcome] {
    let store = try await store(context)
    let wanted: [BaseSummary]
    if let image {
      wanted = try await summaries(of: image, context)
    } else {
      try await store.refuseInMaintenance("scrubbing")
      wanted = try await store.list(sortedBy: .name)
    }
    let limit = rate.flatMap { $0.bytes > 0 ? RateLimit(bytesPerSecond: $0.bytes) : nil }
    var outcomes: [VerifyOutcome] = []
    for base in wanted {
      var outcome = VerifyOutcome(base: base)
      do {
        let record = try await store.state(of: base.name).record
        let first = try await store.verify(base.name, rate: limit, context: context)
        let report = try await verifyByDigest(first, store, limit, context)
        outcome.report = report
        try await settle(report, store, &outcome, context)
        if case .unverifiable = first.verdict, report.verdict == .sound, outcome.consequence == .none { outcome.consequence = .hashed }
        if refetch, case .quarantined = outcome.consequence, let request = Self.request(for: base, record) {
          outcome.refetched = try await fetch(request, format: base.name.format, context: context)
        }
      } catch {
        try Task.checkCancellation()
        try context.deadline.check("the store \(store.path) was verified")
        outcome.error = SlipwayError.wrap(error)
      }
      outcomes.append(outcome)
      done(outcome)
    }
    return outcomes
  }

  private func settle(_ report: VerifyReport, _ store: Store, _ outcome: inout VerifyOutcome, _ context: RequestContext) async throws {
    if case .unverifiable = report.verdict { return }
    let lock = try await store.lock(report.name, context: context)
    defer { lock.release() }
    var isUsed = false
    if report.verdict == .damaged {
      let view = try await cleanView(store, context)
      if let base = view.world.bases.first(where: { $0.name == report.name.text }) {
        isUsed = StoreCleaner.protection(of: base, in: view.world, CleanPolicy()) != nil
        outcome.users = base.file.flatMap { view.disks.references[$0] } ?? []
      }
      context.log(.error, "a base is damaged", ["base": report.name.text, "blocks": "\(report.damagedBlocks)"])
    }
    outcome.consequence = try await store.settle(
      report, lock: lock, isUsed: isUsed, ownsSharedFileSystem: configuration.store.isOwned)
  }

  /// The request that brings a base again; nil when nothing tells where it came from.
  private static func request(for base: BaseSummary, _ record: BaseRecord?) -> ImageRequest? {
    if let id = base.details?.images.first { return ImageRequest(reference: .id(id)) }
    guard let record else { return nil }
    return ImageRequest(reference: .location(Location(url: record.source)), diskFormat: record.evidence.inspectedFormat)
  }
}
