internal import Ceph
internal import Configuration
internal import ImageFormats
internal import ImageTrust
internal import Model
internal import PoolStore
internal import Runtime
internal import Transfer
internal import Transports

extension Agent {
  /// Holds bases in pools against today's policy and reads their snapshots through today's inspectors. What befalls one base is its outcome; one that
  /// goes meanwhile has none. Throws `timeout`, `CancellationError`.
  func auditPools(_ bases: [PoolBase], rate: RateLimit?, _ context: RequestContext) async throws -> [PoolAuditOutcome] {
    var outcomes: [PoolAuditOutcome] = []
    try await withPoolStores(of: bases, context) { store, bases in
      for base in bases {
        var outcome = PoolAuditOutcome(base: base)
        do {
          try await judge(&outcome, store, rate, context)
          // What is removed while it is read reads as anything.
          guard try await store.find(base.name)?.version == base.version else { continue }
          if !outcome.findings.isEmpty { outcome.users = try await store.children(of: base) }
        } catch let error as SlipwayError where error.code == .sourceNotFound {
          continue
        } catch {
          try Task.checkCancellation()
          try context.deadline.check("the pool '\(store.pool.name)' was audited")
          outcome.error = SlipwayError.wrap(error)
        }
        if !outcome.findings.isEmpty {
          let codes = outcome.findings.map(\.error.code.rawValue).joined(separator: " ")
          context.log(.error, "a base in a pool fails the audit", ["base": base.path, "codes": codes])
        }
        outcomes.append(outcome)
      }
    }
    return outcomes
  }

  private func judge(
    _ outcome: inout PoolAuditOutcome, _ store: PoolStore, _ rate: RateLimit?, _ context: RequestContext
  ) async throws {
    let base = outcome.base
    let (record, evidence) = (base.record, base.record.evidence)
    let rule = policy.effective(owner: evidence.policy?.owner ?? record.owner, stores: evidence.policy?.stores ?? [])
    let demand = Demand(
      digests: [], isRequired: rule.demands.digest == .required, object: base.path,
      signatures: try SignatureDemand(rule, configured: configuration.trust.trusted, trusted: []), rule: rule,
      format: evidence.inspectedFormat, virtualSize: record.virtualSize)
    outcome.rule = rule.name
    outcome.findings = demand.refusals(of: evidence).map { AuditOutcome.Finding(error: $0, isAboutBytes: false) }
    do {
      let (read, found) = try await inspect(base, in: store.pool.cluster, rate, context)
      outcome.read = read
      do throws(SlipwayError) {
        try rule.judge(found, of: base.path)
      } catch {
        let isKnown = outcome.findings.contains { $0.error.code == error.code }
        if !isKnown, Self.holdsStoredBytes(record) { outcome.findings.append(AuditOutcome.Finding(error: error, isAboutBytes: false)) }
      }
    } catch let error as SlipwayError {
      switch error.code {
      case .formatMismatch, .formatRefused, .digestMismatch, .sizeMismatch:
        outcome.findings.append(AuditOutcome.Finding(error: error, isAboutBytes: true))
      default: throw error
      }
    }
  }

  /// Whether a base holds its image's bytes as they are, and not what a guest sees of them.
  private static func holdsStoredBytes(_ record: PoolBaseRecord) -> Bool {
    record.sourceFormat == "raw" && record.evidence.conversion == nil && record.evidence.sourceSize == record.virtualSize
  }

  /// One pass over a base: the bytes that were read, and what they are.
  private func inspect(
    _ base: PoolBase, in cluster: Cluster, _ rate: RateLimit?, _ context: RequestContext
  ) async throws -> (ByteCount, InspectedBytes) {
    let evidence = base.record.evidence
    let isStored = Self.holdsStoredBytes(base.record)
    var judgement = InspectionPolicy()
    judgement.allowsISOAsRaw = true
    let claimed = isStored ? DiskFormat(rawValue: evidence.inspectedFormat) ?? .raw : .raw
    let digest = isStored ? evidence.digests.max { $0.algorithm.length < $1.algorithm.length } : nil
    let inspection = InspectionObserver(claimed: claimed, object: base.path, policy: judgement)
    let observer = try digest.map { try DigestObserver($0.algorithm) }
    let source = try await RBDSource.open(base.location, in: cluster)
    let tally: ByteTally
    do {
      try Self.check(try await source.version(), base.version, base.location)
      var options = TransferOptions()
      options.objectSize = source.objectSize
      options.phase = .verifying
      options.rate = rate
      tally = try await Transfer.run(
        from: source, to: NoSink(), observers: [inspection] + (observer.map { [$0] } ?? []), options: options, budget: budget,
        workers: data, context: context)
    } catch {
      await source.close()
      throw error
    }
    await source.close()
    let found = InspectedBytes(try inspection.result())
    if let digest, let computed = try observer?.result(), computed != digest {
      throw SlipwayError(
        .digestMismatch, "\(base.path) holds bytes with \(computed), and was verified as \(digest)", object: base.path,
        hint: "remove it: slipway cache purge \(base.name); what stands on it may be damaged, too")
    }
    return (ByteCount(tally.read), found)
  }
}
