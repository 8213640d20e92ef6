internal import ImageTrust
internal import Ceph
internal import Configuration
internal import Files
internal import ImageStore
internal import Model
internal import Planner
internal import PoolStore
internal import Runtime
internal import Transfer
internal import Transports

/// The import of one image into a base in a pool, under its claim: candidates in order, each with an empty image, new digests and a new inspection.
struct PoolImport {
  let agent: Agent
  let draft: PoolBaseDraft
  /// Where the draft is.
  let tier: Configuration.Tier
  let image: ResolvedImage
  let judge: ByteJudge
  /// The projects that may learn that the base is there: nil for all.
  let owner: String?
  let context: RequestContext

  private struct Done: Sendable {
    var evidence: Evidence
    var virtual: Int64
    var tally: ByteTally
    var route: Route
    var source: String
  }

  /// Tries the plan's candidates until one gives a base.
  func run(_ planner: inout RoutePlanner) async throws -> PoolBaseRecord {
    let (isRaw, isQcow2) = (image.description.knownFormat == .raw, image.description.knownFormat == .qcow2)
    let candidates = SourceCandidates(agent: agent, image: image, context: context)
    // What is no raw image is read twice, to be judged and to be decoded: where that cannot be done at its place, here.
    let found = try await candidates.first(&planner, stop: { !isRaw && !(isQcow2 && $0.route == .export) }) { choice in
      isRaw ? try await straight(choice) : try await decoded(choice)
    }
    let done: Done
    if let found { done = found } else { done = try await local() }
    try image.rule.judge(virtualSize: ByteCount(done.virtual), of: image.key)
    return PoolBaseRecord(
      name: draft.name, sourceFormat: image.description.diskFormat ?? "unknown", owner: owner, image: image.description.id,
      imageName: image.description.name, virtualSize: ByteCount(done.virtual), source: done.source, route: done.route,
      evidence: done.evidence, tally: done.tally, created: Agent.now)
  }

  /// Raw bytes from their source into the pool, in one pass.
  private func straight(_ choice: Choice) async throws -> Done {
    let opened = try await OpenedSource.open(choice, image: image, agent: agent, context: context)
    do {
      let (inspection, digests) = try judge.observers()
      let size = opened.size ?? image.description.size?.bytes
      try await agent.makeRoom(for: ByteCount(opened.estimate ?? size ?? 0), in: tier, except: draft, image, context)
      let tally = try await written(size ?? 0) { sink in
        var options = TransferOptions()
        options.objectSize = opened.objectSize
        let observers: [any Observer] = [inspection] + digests
        switch opened.kind {
        case .random(let source):
          return try await Transfer.run(
            from: source, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
        case .sequential(let source):
          return try await Transfer.run(
            from: source, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
        }
      }
      try await opened.prove()
      let from = choice.location.map { " from \($0)" } ?? " from the image service"
      let evidence = try judge.verdict(stored: tally.virtual, digests: digests, inspection: inspection, from: from)
      await opened.close()
      return Done(
        evidence: evidence, virtual: tally.virtual, tally: tally, route: choice.route, source: choice.location?.description ?? image.key)
    } catch {
      await opened.close()
      throw error
    }
  }

  /// A qcow2 in an RBD snapshot: read once for the verdict, and decoded straight from there meanwhile, without a copy here.
  ///
  /// Our reader refuses by the header alone what would lead to other files, and what it makes of tables that were not judged yet goes into a draft, which
  /// nobody can clone before the verdict.
  private func decoded(_ choice: Choice) async throws -> Done {
    guard let name = choice.cluster, let location = choice.rbd, let version = choice.facts?.version else {
      throw SlipwayError(.internalError, "an export names no snapshot", object: image.key)
    }
    let cluster = try await agent.clusters.connect(name, as: try agent.clusters.configured(name).imageUser, deadline: context.deadline)
    let snapshot = try await RBDSource.open(location, in: cluster)
    do {
      try Agent.check(try await snapshot.version(), version, location)
      let guest: Qcow2Source
      let estimate: Int64
      do {
        guest = try await Qcow2Source.open(snapshot, object: image.key, workers: agent.data)
        estimate = try await guest.estimate()
      } catch {
        // Which of its claims is wrong is the inspection's to say.
        _ = try await verified(snapshot, location, context)
        throw error
      }
      try image.rule.judge(virtualSize: ByteCount(guest.size), of: image.key)
      try await agent.makeRoom(for: ByteCount(estimate), in: tier, except: draft, image, context)
      let (evidence, moved) = try await judgedAndConverted(snapshot, location, guest)
      // Its ids never change their bytes: those that were judged are those that were decoded.
      try Agent.check(try await Agent.versionNow(location, in: cluster), version, location)
      var tally = moved
      tally.read += evidence.sourceSize.bytes
      await snapshot.close()
      return Done(evidence: evidence, virtual: tally.virtual, tally: tally, route: .export, source: location.url)
    } catch {
      await snapshot.close()
      throw error
    }
  }

  private enum Half: Sendable {
    case judged(Result<Evidence, any Error>)
    case converted(Result<ByteTally, any Error>)
  }

  /// Both at once. A verdict against the bytes ends the conversion; what is wrong with a conversion is told only of bytes that are what they should be.
  private func judgedAndConverted(
    _ snapshot: RBDSource, _ location: RBDLocation, _ guest: Qcow2Source
  ) async throws -> (Evidence, ByteTally) {
    var silent = context
    silent.progress = { _ in }
    let quiet = silent
    return try await withThrowingTaskGroup(of: Half.self) { group in
      group.addTask {
        do {
          return .judged(.success(try await self.verified(snapshot, location, quiet)))
        } catch {
          return .judged(.failure(error))
        }
      }
      group.addTask {
        do {
          return .converted(.success(try await self.converted(guest)))
        } catch {
          return .converted(.failure(error))
        }
      }
      var verdict: Result<Evidence, any Error>?
      var conversion: Result<ByteTally, any Error>?
      for try await half in group {
        switch half {
        case .judged(let result):
          verdict = result
          if case .failure = result { group.cancelAll() }
        case .converted(let result): conversion = result
        }
      }
      guard let evidence = try verdict?.get(), let tally = try conversion?.get() else { throw CancellationError() }
      return (evidence, tally)
    }
  }

  private func verified(_ snapshot: RBDSource, _ location: RBDLocation, _ context: RequestContext) async throws -> Evidence {
    let (inspection, digests) = try judge.observers()
    var options = TransferOptions()
    options.objectSize = snapshot.objectSize
    options.phase = .verifying
    let tally = try await Transfer.run(
      from: snapshot, to: NoSink(), observers: [inspection] + digests, options: options, budget: agent.budget, workers: agent.data,
      context: context)
    return try judge.verdict(stored: tally.virtual, digests: digests, inspection: inspection, from: " from \(location)")
  }

  /// By way of a verified base in the local store, which keeps it until it is cleaned.
  private func local() async throws -> Done {
    try await agent.leasing("base in pool '\(tier.pool)'", context) {
      try await agent.base(image, .qcow2, withKernels: false, .now, context)
    } _: { base in
      let store = try await agent.store(context)
      let file = try await store.openBase(base.record.name)
      do {
        let size = try await agent.files.run { try file.size() }
        let source: any RandomAccessSource
        if base.record.identity.format == .raw {
          source = FileSource(file, size: size, workers: agent.data)
        } else {
          source = try await Qcow2Source.open(file, size: size, workers: agent.data)
        }
        try await agent.makeRoom(
          for: base.record.tally.written > 0 ? ByteCount(base.record.tally.written) : ByteCount(size), in: tier, except: draft, image,
          context)
        let tally = try await converted(source)
        _ = try await agent.files.runAlways { try file.close() }
        return Done(
          evidence: base.record.evidence, virtual: tally.virtual, tally: tally, route: base.route ?? base.record.route,
          source: base.record.source)
      } catch {
        _ = try? await agent.files.runAlways { try file.close() }
        throw error
      }
    }
  }

  private func converted(_ guest: any RandomAccessSource) async throws -> ByteTally {
    try await written(guest.size) { sink in
      var options = TransferOptions()
      options.phase = .converting
      return try await Transfer.run(
        from: guest, to: sink, options: options, budget: agent.budget, workers: agent.data, context: context)
    }
  }

  /// Runs `body` on an empty image of `size` bytes, which is closed afterwards.
  private func written(_ size: Int64, _ body: (RBDSink) async throws -> ByteTally) async throws -> ByteTally {
    let target = try await draft.image(size: ByteCount(size))
    do {
      let tally = try await body(RBDSink(target))
      await target.close()
      return tally
    } catch {
      await target.close()
      throw error
    }
  }
}
