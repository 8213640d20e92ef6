internal import ImageStore
public import Model
internal import Configuration
internal import Planner
public import Runtime

/// What `plan` answers.
public struct PlanAnswer: Sendable {
  /// The image's id, or the location that was typed.
  public let image: String
  /// Every candidate.
  public let plan: Plan
  /// Whether a base in the store serves the request as it is.
  public let cached: Bool
  /// What policy demands; nil for a base that serves although its image cannot be asked.
  public let policy: PolicyView?
  /// The error that a request would end with, nil when there is a way.
  public let failure: SlipwayError?
  /// The format that qemu-img would have to convert from; nil for bytes that are read as they are.
  public var convert: DiskFormat?
}

extension Agent {
  /// Looks at every candidate, in parallel, and moves nothing.
  public func plan(
    _ request: ImageRequest, target: Target?, size: ByteCount?, context: RequestContext
  ) async throws -> PlanAnswer {
    let target = target ?? configuration.disks.target
    switch try await resolve(request, context) {
    case .cachedOnly(let id, let error):
      guard target != .rbd, try await cached(id, Self.format(for: target, configuration), request, context) != nil else { throw error }
      return PlanAnswer(image: id.text, plan: Plan(target: target, chosen: nil, candidates: []), cached: true, policy: nil, failure: nil)
    case .image(let image):
      let demand = try image.demand(configuration)
      var refusal: SlipwayError?
      do {
        try demand.judge(isPending: image.description.digestPending)
      } catch {
        // The ways are shown all the same.
        refusal = error
      }
      var planner = RoutePlanner(planRequest(image, target: target, baseOnly: false, size: size, mode: .explain))
      let plan = try await drive(&planner, context, parallel: true)
      if plan.route == .clone || plan.route == .cinderClone, refusal == nil {
        do { try Self.judgeClone(image) } catch { refusal = error }
      }
      var cached = false
      if refusal == nil, target != .rbd, let identity = try await placed(image, target, version: planner.choice?.facts?.version, context) {
        cached = try await store(context).lookup(identity).map { try demand.standing(of: $0) == .satisfied } ?? false
      }
      // What policy refuses is taken by no way, though there are some.
      let shown = refusal == nil ? plan : Plan(target: plan.target, chosen: nil, candidates: plan.candidates)
      return PlanAnswer(
        image: image.key, plan: shown, cached: cached, policy: PolicyView(image, demand, target: target),
        failure: cached ? nil : refusal ?? outcomeError(plan, planner),
        convert: plan.route == .clone ? nil : image.description.converted)
    }
  }

  /// The error that a plan without a choice ends with, nil when something was chosen.
  func outcomeError(_ plan: Plan, _ planner: RoutePlanner) -> SlipwayError? {
    guard let error = plan.outcomeError(for: planner.request) else { return nil }
    return clusters.misconfiguration(behind: error) ?? error
  }

  /// The identity of the base that a request would look for, nil while it is not known.
  private func placed(
    _ image: ResolvedImage, _ target: Target, version: String?, _ context: RequestContext
  ) async throws -> BaseIdentity? {
    let layout = try await store(context).layout
    let image = image.asRead(in: layout)
    let wanted = Self.format(for: target, configuration)
    let format = try layout.format(of: image.description.diskFormat, wanted: wanted, isFirm: false, object: image.key)
    guard let identity = try identity(image, format, version: version) else { return nil }
    return try layout.place(identity, of: image.description.id, object: image.key)
  }

  func planRequest(_ image: ResolvedImage, target: Target, baseOnly: Bool, size: ByteCount?, mode: PlanRequest.Mode) -> PlanRequest {
    let policy = PlanPolicy(
      allowedSchemes: configuration.allowedDirectURLSchemes,
      clusters: configuration.clusters.map { KnownCluster(name: $0.name, fsid: $0.fsid, imagePools: $0.imagePools) },
      targetCluster: configuration.cluster(named: configuration.disks.cluster)?.name,
      fileRoots: configuration.anyOperatorPath ? .anywhereForOperator : .listed(configuration.fileRoots),
      onNotCloneable: configuration.onNotCloneable, onDirectFailed: configuration.onDirectFailed,
      copyStore: configuration.images.copyStore,
      volumeBackends: configuration.cinderBackends.mapValues { VolumeBackend(cluster: $0.cluster, pool: $0.pool) })
    let proof = target == .rbd ? (try? image.demand(configuration)).flatMap { Self.demandOnClone(image, $0) } : nil
    return PlanRequest(
      image: image.description, target: target, baseOnly: baseOnly, size: size, mode: mode, policy: policy, operatorLocations: image.typed,
      poolBase: target == .rbd && configuration.onNotCloneable == .fallback ? poolBasePlace(image) : nil, provesClones: proof != nil)
  }

  /// Drives a planner to its decision, one question at a time or all that it has at once, until the deadline.
  func drive(_ planner: inout RoutePlanner, _ context: RequestContext, parallel: Bool = false) async throws -> Plan {
    let prober = Prober(clusters: clusters, http: http, workers: files) { try await self.volumeService() }
    guard parallel else {
      while true {
        switch planner.next() {
        case .decided(let plan):
          for candidate in plan.candidates {
            Metric.routes.count(1, plan.target.rawValue, candidate.route.rawValue, candidate.reason.rawValue)
          }
          return plan
        case .wait: throw SlipwayError(.internalError, "the planner waits for an answer that nobody owes")
        case .probe(let probe):
          try context.deadline.check("planning")
          planner.record(try await prober.answer(probe, context), for: probe)
        }
      }
    }
    var waiting = planner
    let plan = try await withThrowingTaskGroup(of: (ProbeRequest, ProbeResult)?.self) { group in
      group.addTask {
        try? await context.deadline.sleep()
        return nil
      }
      defer { group.cancelAll() }
      while true {
        switch waiting.next() {
        case .decided(let plan): return plan
        case .probe(let probe): group.addTask { (probe, try await prober.answer(probe, context)) }
        case .wait:
          if let answered = try await group.next() {
            if let (probe, result) = answered { waiting.record(result, for: probe) } else { waiting.expire() }
          }
        }
      }
    }
    try Task.checkCancellation()
    planner = waiting
    return plan
  }
}
