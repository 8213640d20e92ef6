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
  /// Bases in the configured pool. The pool is the caller's to close. Throws `configuration` when there is no such pool.
  func poolStore(_ context: RequestContext) async throws -> PoolStore {
    let settings = try clusters.configured(configuration.bases.cluster)
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    let name = configuration.bases.pool
    do {
      return PoolStore(pool: try await cluster.pool(name), dataPool: configuration.bases.dataPool)
    } catch let error as SlipwayError where error.cephErrno == 2 {
      throw SlipwayError(
        .configuration, "Ceph cluster '\(settings.name)' has no pool '\(name)' for bases", object: name,
        hint: "make it (ceph osd pool create \(name); rbd pool init \(name)), or set bases.pool", cause: error)
    }
  }

  func withPoolStore<Value: Sendable>(_ context: RequestContext, _ body: (PoolStore) async throws -> Value) async throws -> Value {
    let store = try await poolStore(context)
    do {
      let value = try await body(store)
      await store.pool.close()
      return value
    } catch {
      await store.pool.close()
      throw error
    }
  }

  /// Where the planner may look for a base of an image; nil where none can be cloned.
  func poolBasePlace(_ image: ResolvedImage) -> PoolBasePlace? {
    let bases = configuration.bases
    guard configuration.cluster(named: bases.cluster) != nil, bases.cluster == configuration.disks.cluster else { return nil }
    let identity = try? identity(image.asReadInPool, .raw, version: nil)
    return PoolBasePlace(cluster: bases.cluster, pool: bases.pool, name: identity.flatMap { Self.poolName($0)?.hash })
  }

  /// The name, in a pool, of the base that would be kept as raw.
  static func poolName(_ identity: BaseIdentity) -> PoolBaseName? { PoolBaseName(hash: String(identity.name.text.prefix(40))) }

  /// The base of an image that cannot be cloned where it lies, found or made, its use noted.
  func poolBase(_ image: ResolvedImage, _ demand: Demand, in store: PoolStore, _ context: RequestContext) async throws -> (
    PoolBase, isMade: Bool
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
    let prepared = planner
    return try await store.base(name, for: image.description.id, context: context) { base in
      try demand.rule.judge(virtualSize: base.record.virtualSize, of: demand.object)
      return try demand.standing(of: base.record.evidence) == .satisfied
    } renew: { base, draft in
      try await renewed(base, image, demand, prepared, telling(draft, context))
    } make: { draft in
      var planner = prepared
      let telling = telling(draft, context)
      let verifier = try await verifier(image, demand.signatures, context)
      let work = PoolImport(
        agent: self, draft: draft, image: image, judge: ByteJudge(image: image, verifier: verifier, context: telling),
        owner: identity.owner, context: telling)
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
