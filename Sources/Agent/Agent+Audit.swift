internal import ImageTrust
internal import Cleaner
internal import Configuration
internal import Disks
internal import ImageStore
public import Model
public import Runtime

extension Agent {
  /// Holds bases against today's policy and reads them through today's inspectors: those of one image, or all that are here and in pools,
  /// nova-compute's included. Of a base whose image's own bytes it holds, the digest is taken again, too. Names the disks that stand on what fails. The image
  /// service is not asked: what is judged is what is kept.
  ///
  /// With `mark`, a base whose bytes failed goes into quarantine, or is marked where something uses it, so that no new disk grows from it; one that
  /// passes loses such a mark. (What policy refuses needs none: every request is held against it.) `done` is told of each base before its users are
  /// known.
  ///
  /// Throws `base_not_found`, `busy` for all bases in maintenance, `timeout`, `CancellationError`; what befalls one base is its outcome.
  public func audit(
    _ image: String?, rate: ByteCount?, mark: Bool, context: RequestContext, done: @escaping @Sendable (AuditOutcome) -> Void = { _ in }
  ) async throws -> AuditReport {
    let store = try await store(context)
    let wanted: [BaseSummary]
    let pooled: PoolBases
    if let image {
      (wanted, pooled) = try await everywhere(image, context)
    } else {
      try await store.refuseInMaintenance("auditing")
      wanted = try await store.list(sortedBy: .name)
      pooled = try await poolBases(context: context)
    }
    let limit = rate.flatMap { $0.bytes > 0 ? RateLimit(bytesPerSecond: $0.bytes) : nil }
    var report = AuditReport()
    for base in wanted {
      var outcome = AuditOutcome(base: base)
      do {
        try await judge(&outcome, store, limit, context)
      } catch let error as SlipwayError where error.code == .baseNotFound {
        // Cleaned meanwhile.
        continue
      } catch {
        try Task.checkCancellation()
        try context.deadline.check("the store \(store.path) was audited")
        outcome.error = SlipwayError.wrap(error)
      }
      report.outcomes.append(outcome)
      done(outcome)
    }
    try await settle(&report, store, mark: mark, context)
    report.unavailable = pooled.unavailable
    report.pooled = try await auditPools(pooled.bases, rate: limit, context)
    return report
  }

  private func judge(
    _ outcome: inout AuditOutcome, _ store: Store, _ rate: RateLimit?, _ context: RequestContext
  ) async throws {
    let name = outcome.base.name
    let lease = try await store.lease(name, note: "audit", context: context)
    defer { lease.release() }
    switch try await store.evidence(of: name) {
    case .absent, .unknown: return
    case .ready(let record):
      let demand = try demand(of: record, object: name.text)
      outcome.rule = demand.rule.name
      outcome.findings = demand.refusals(of: record.evidence).map { AuditOutcome.Finding(error: $0, isAboutBytes: false) }
      try await inspect(&outcome, AuditSubject(record), demand, store, rate, context)
    case .foreign:
      let demand = Demand(
        digests: [], isRequired: policy.defaults.digest == .required, object: name.text,
        signatures: try SignatureDemand(policy.effective(owner: nil, stores: []), configured: configuration.trust.trusted, trusted: []),
        rule: policy.effective(owner: nil, stores: []))
      outcome.rule = demand.rule.name
      outcome.findings = Self.refusals(ofUnknown: demand).map { AuditOutcome.Finding(error: $0, isAboutBytes: false) }
      try await inspect(&outcome, nil, demand, store, rate, context)
    case .damaged(let reason):
      let error = SlipwayError(
        .baseDamaged, "\(store.path(of: name)) is damaged: \(reason)", object: name.text, hint: "see: slipway cache verify \(name)")
      outcome.findings = [AuditOutcome.Finding(error: error, isAboutBytes: true)]
    case .newer(let reason):
      throw SlipwayError(.storeRefused, reason, object: store.path(of: name), hint: "update Slipway")
    }
  }

  /// What policy has against a base of which nothing was ever verified.
  private static func refusals(ofUnknown demand: Demand) -> [SlipwayError] {
    var found: [SlipwayError] = []
    let hint = "fetch its image, which verifies it"
    if demand.signatures.isRequired {
      found.append(
        SlipwayError(.signatureRequired, "nobody verified a signature of \(demand.object)", object: demand.object, hint: hint))
    }
    if demand.isRequired {
      found.append(
        SlipwayError(.digestRequired, "nobody compared \(demand.object) with a digest", object: demand.object, hint: hint))
    }
    return found
  }

  /// Reads a base; what is wrong with its bytes becomes a finding, what keeps it from being read is thrown.
  private func inspect(
    _ outcome: inout AuditOutcome, _ subject: AuditSubject?, _ demand: Demand, _ store: Store, _ rate: RateLimit?,
    _ context: RequestContext
  ) async throws {
    let reader = AuditReader(agent: self, store: store, rate: rate, context: context)
    do {
      let (read, inspections) = try await reader.read(outcome.base.name, subject)
      outcome.read = read
      for found in inspections {
        do throws(SlipwayError) {
          try demand.rule.judge(found, of: demand.object)
        } catch {
          if !outcome.findings.contains(where: { $0.error.code == error.code }) {
            outcome.findings.append(AuditOutcome.Finding(error: error, isAboutBytes: false))
          }
        }
      }
    } catch let error as SlipwayError {
      switch error.code {
      case .formatMismatch, .formatRefused, .digestMismatch, .sizeMismatch, .baseDamaged:
        outcome.findings.append(AuditOutcome.Finding(error: error, isAboutBytes: true))
      default: throw error
      }
    }
  }

  /// Looks for the disks on what failed, and draws the consequences that were asked for.
  private func settle(_ report: inout AuditReport, _ store: Store, mark: Bool, _ context: RequestContext) async throws {
    if report.outcomes.contains(where: { !$0.findings.isEmpty }) {
      let view = try await cleanView(store, context)
      for (index, outcome) in report.outcomes.enumerated() where !outcome.findings.isEmpty {
        let name = outcome.base.name.text
        context.log(
          .error, "a base fails the audit", ["base": name, "codes": outcome.findings.map(\.error.code.rawValue).joined(separator: " ")])
        guard let base = view.world.bases.first(where: { $0.name == name }) else { continue }
        report.outcomes[index].users = base.file.flatMap { view.world.references[$0] } ?? []
        guard mark, let finding = outcome.findings.first(where: \.isAboutBytes), !outcome.base.isForeign else { continue }
        let isUsed = StoreCleaner.protection(of: base, in: view.world, CleanPolicy()) != nil
        try await drawing(&report.outcomes[index], context) {
          let lock = try await store.lock(outcome.base.name, context: context)
          defer { lock.release() }
          return try await store.condemn(
            lock, reason: finding.error.message, isUsed: isUsed, ownsSharedFileSystem: configuration.store.isOwned)
        }
      }
      report.unsearched =
        view.disks.unreadable.map { "\($0.path) cannot be read: \($0.problem)" } + [view.disks.incomplete].compactMap { $0 }
    }
    guard mark else { return }
    for (index, outcome) in report.outcomes.enumerated() where outcome.verdict == .passed && outcome.base.damage != nil {
      try await drawing(&report.outcomes[index], context) {
        let lock = try await store.lock(outcome.base.name, context: context)
        defer { lock.release() }
        return try await store.acquit(lock) ? .cleared : .none
      }
    }
  }

  /// A consequence that cannot be drawn is that base's error.
  private func drawing(
    _ outcome: inout AuditOutcome, _ context: RequestContext, _ body: () async throws -> VerifyConsequence
  ) async throws {
    do {
      outcome.consequence = try await body()
    } catch {
      try Task.checkCancellation()
      outcome.error = SlipwayError.wrap(error)
    }
  }
}
