internal import ImageTrust
internal import Ceph
internal import Configuration
internal import ImageStore
internal import Model
internal import Planner
internal import PoolStore
internal import Runtime
internal import Transfer
internal import Transports

extension Agent {
  /// Where the planner may look for a base of an image; nil where none can be cloned.
  func poolBasePlace(_ image: ResolvedImage) -> PoolBasePlace? {
    let bases = configuration.bases
    guard configuration.cluster(named: bases.cluster) != nil, bases.cluster == configuration.disks.cluster else { return nil }
    let identity = try? identity(image.asReadInPool, .raw, version: nil)
    let tier = (try? tier(of: image)) ?? bases.rest
    return PoolBasePlace(
      cluster: bases.cluster, pool: tier.pool, name: identity.flatMap { Self.poolName($0)?.hash },
      others: bases.tiers.map(\.pool).filter { $0 != tier.pool })
  }

  /// The name, in a pool, of the base that would be kept as raw.
  static func poolName(_ identity: BaseIdentity) -> PoolBaseName? { PoolBaseName(hash: String(identity.name.text.prefix(40))) }

  /// The base of an image that cannot be cloned where it lies, its use noted: found in any tier, its own first, else made in its own.
  func poolBase(_ image: ResolvedImage, _ demand: Demand, in tiers: PoolTiers, _ context: RequestContext) async throws -> (
    PoolBase, at: PoolStore, isMade: Bool
  ) {
    let image = image.asReadInPool
    try Self.judgeBytes(image)
    var planner = RoutePlanner(planRequest(image, target: .raw, baseOnly: true, size: nil, mode: .spawn))
    var known = try identity(image, .raw, version: nil)
    if known == nil {
      // A typed location without a digest: what it is now tells whether there is a base of it.
      let plan = try await drive(&planner, context)
      guard let choice = planner.choice else { throw outcomeError(plan, planner) ?? noRoute(image) }
      known = try identity(image, .raw, chosen: choice.facts?.version)
    }
    guard let identity = known, let name = Self.poolName(identity) else { throw noRoute(image) }
    let wanted = WantedBase(name: name, image: image, demand: demand, owner: identity.owner, planner: planner)
    let chosen = try? tiers.chosen.get()
    if !tiers.others.isEmpty, try await chosen?.find(name) == nil {
      for other in tiers.others where (try? await other.find(name)) != nil {
        do {
          let (base, _) = try await poolBase(wanted, in: other, madeIn: nil, context)
          return (base, other, false)
        } catch is BaseIsGone {
          // It was removed since it was looked at.
        }
      }
    }
    let store = try tiers.chosen.get()
    let (base, isMade) = try await poolBase(wanted, in: store, madeIn: tiers.tier, context)
    return (base, store, isMade)
  }

  private struct BaseIsGone: Error {}

  /// What is wanted of a pool for bases.
  private struct WantedBase: Sendable {
    let name: PoolBaseName
    let image: ResolvedImage
    let demand: Demand
    let owner: String?
    /// With what was probed so far.
    let planner: RoutePlanner
  }

  /// The base as one pool has it; without a tier nothing is made there.
  private func poolBase(
    _ wanted: WantedBase, in store: PoolStore, madeIn tier: Configuration.Tier?, _ context: RequestContext
  ) async throws -> (base: PoolBase, isMade: Bool) {
    let (image, demand, prepared) = (wanted.image, wanted.demand, wanted.planner)
    return try await store.base(wanted.name, for: image.description.id, context: context) { base in
      try demand.rule.judge(virtualSize: base.record.virtualSize, of: demand.object)
      return try demand.standing(of: base.record.evidence) == .satisfied
    } renew: { base, draft in
      try await renewed(base, image, demand, prepared, telling(draft, context))
    } make: { draft in
      guard let tier else { throw BaseIsGone() }
      var planner = prepared
      let telling = telling(draft, context)
      let verifier = try await verifier(image, demand.signatures, context)
      let work = PoolImport(
        agent: self, draft: draft, tier: tier, image: image, judge: ByteJudge(image: image, verifier: verifier, context: telling),
        owner: wanted.owner, context: telling)
      return try await work.run(&planner)
    }
  }

  private func telling(_ draft: PoolBaseDraft, _ context: RequestContext) -> RequestContext {
    var telling = context
    telling.progress = { progress in
      draft.report(progress)
      context.progress(progress)
    }
    return telling
  }

  /// New evidence for a base whose own holds less than is demanded today: its source is read once more, and must have every digest that the base
  /// is known by.
  private func renewed(
    _ base: PoolBase, _ image: ResolvedImage, _ demand: Demand, _ planner: RoutePlanner, _ context: RequestContext
  ) async throws -> Evidence {
    let before = base.record.evidence
    guard case .unproven(let missing, let unsigned, let untold) = try demand.standing(of: before) else { return before }
    context.log(.info, "verifying a base again", ["image": image.key, "base": base.path])
    let verifier = unsigned ? try await verifier(image, demand.signatures, context) : nil
    if missing.isEmpty, !untold, let verifier, let digest = before.digests.first(where: verifier.takes) {
      // Signed is the digest, and that is known of these very bytes.
      return before.adding(try verifier.judge(digest), by: image.rule.evidence)
    }
    let judge = ByteJudge(image: image, known: before.digests, signed: before.signatures ?? [], verifier: verifier, context: context)
    var planner = planner
    let evidence = try await SourceCandidates(agent: self, image: image, context: context).first(&planner) { choice in
      let opened = try await OpenedSource.open(choice, image: image, agent: self, context: context)
      do {
        let evidence = try await judged(opened, judge, context)
        await opened.close()
        return evidence
      } catch {
        await opened.close()
        throw error
      }
    }
    guard let evidence else { throw noRoute(image) }
    return evidence
  }

  private func judged(_ opened: OpenedSource, _ judge: ByteJudge, _ context: RequestContext) async throws
    -> Evidence
  {
    let (inspection, digests) = try judge.observers()
    var options = TransferOptions()
    options.objectSize = opened.objectSize
    options.phase = .verifying
    let observers: [any Observer] = [inspection] + digests
    let tally: ByteTally
    switch opened.kind {
    case .random(let source):
      tally = try await Transfer.run(
        from: source, to: NoSink(), observers: observers, options: options, budget: budget, workers: data, context: context)
    case .sequential(let source):
      tally = try await Transfer.run(
        from: source, to: NoSink(), observers: observers, options: options, budget: budget, workers: data, context: context)
    }
    try await opened.prove()
    return try judge.verdict(stored: tally.virtual, digests: digests, inspection: inspection, from: "")
  }
}

extension ResolvedImage {
  /// As its bytes are read into a base in a pool: an ISO is plain sectors. What was claimed is kept for inspection.
  fileprivate var asReadInPool: ResolvedImage {
    var image = self
    guard description.diskFormat == "iso" else { return self }
    image.claimed = "iso"
    image.description.diskFormat = "raw"
    if description.containerFormat == "iso" { image.description.containerFormat = "bare" }
    return image
  }
}
