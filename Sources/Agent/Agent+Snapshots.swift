internal import Ceph
internal import Configuration
internal import ImageFormats
internal import ImageStore
internal import ImageTrust
internal import Model
internal import Planner
internal import Runtime
internal import Transfer
internal import Transports

extension Agent {
  /// Proves a snapshot before disks are cloned from it: a signed image, or any image where policy (`trust.clone`) is `verify-all`. It is read once
  /// through the verifier; its ids never change their bytes, so what was found holds for every later clone, on this host, by the same policy and
  /// certificates. Concurrent requests read it once. What is known of it, nil where policy asks for nothing.
  ///
  /// Throws `signature_mismatch`, `digest_mismatch`, `size_mismatch`, what a certificate throws, and `source_not_found` for a snapshot that is another
  /// than was planned with.
  func prove(_ choice: Choice, _ image: ResolvedImage, _ demand: Demand, _ context: RequestContext) async throws -> Evidence? {
    guard let demand = Self.demandOnClone(image, demand) else { return nil }
    guard let version = choice.facts?.version else { throw SlipwayError(.internalError, "a clone's parent has no ids", object: image.key) }
    let (store, wanted) = (try await store(context), demand)
    if let known = try await proof(of: version, wanted, store) { return known }
    // A lock of its own, by a name that no base has.
    let identity = try BaseIdentity(url: "snapshot", stamp: .version(version), sourceFormat: "raw", format: .raw, owner: nil)
    return try await store.withBaseLock(identity, context: context) { wait in
      context.progress(Progress(phase: .waiting, position: wait.work?.position ?? 0, total: wait.work?.total))
    } _: { lock in
      if let known = try await self.proof(of: version, wanted, store) { return known }
      var telling = context
      telling.progress = { progress in
        lock.report(progress)
        context.progress(progress)
      }
      let evidence = try await self.verifiedSnapshot(choice, version, image, wanted, try await store.evidence(ofSnapshot: version), telling)
      try await store.keep(evidence, ofSnapshot: version)
      return evidence
    }
  }

  /// What a snapshot must prove before it is cloned; nil for nothing.
  static func demandOnClone(_ image: ResolvedImage, _ demand: Demand) -> Demand? {
    var demand = demand
    switch image.rule.demands.clone {
    case .verifyAll: return demand
    // Who names trusted certificates gets what they vouch for, on every route.
    case .trust where image.trusted.isEmpty: return nil
    case .trust, .verifySigned:
      guard demand.signatures.signature != nil else { return nil }
      demand.digests = []
      return demand
    }
  }

  private func proof(of version: String, _ demand: Demand, _ store: Store) async throws -> Evidence? {
    guard let evidence = try await store.evidence(ofSnapshot: version) else { return nil }
    return try demand.standing(of: evidence) == .satisfied ? evidence : nil
  }

  private func verifiedSnapshot(
    _ choice: Choice, _ version: String, _ image: ResolvedImage, _ demand: Demand, _ before: Evidence?, _ context: RequestContext
  ) async throws -> Evidence {
    let verifier = try await verifier(image, demand.signatures, context)
    if let before, let verifier, let digest = before.digests.first(where: verifier.takes),
      case .unproven(let missing, _, false) = try demand.standing(of: before), missing.isEmpty
    {
      return before.adding(try verifier.judge(digest), by: image.rule.evidence)
    }
    guard let name = choice.cluster, let location = choice.rbd else { throw SlipwayError(.internalError, "a clone names no snapshot") }
    try await transfers.take(1, priority: context.priority)
    defer { transfers.give(1) }
    let cluster = try await clusters.connect(name, as: try clusters.configured(name).imageUser, deadline: context.deadline)
    let source = try await RBDSource.open(location, in: cluster)
    let result: Result<Evidence, any Error>
    do {
      try Self.check(try await source.version(), version, location)
      context.log(.info, "verifying a snapshot before its first clone", ["image": image.key, "snapshot": version])
      do {
        result = .success(try await read(source, image, demand, verifier, before, context))
      } catch let error as SlipwayError where error.code.exitCode == ErrorCode.digestMismatch.exitCode {
        // Of a snapshot that was removed meanwhile, the cluster may show anything: that it is gone is what is wrong.
        try Self.check(try await Self.versionNow(location, in: cluster), version, location)
        throw error
      }
      try Self.check(try await Self.versionNow(location, in: cluster), version, location)
    } catch {
      await source.close()
      throw error
    }
    await source.close()
    return try result.get()
  }

  private func read(
    _ source: RBDSource, _ image: ResolvedImage, _ demand: Demand, _ verifier: SignatureVerifier?, _ before: Evidence?,
    _ context: RequestContext
  ) async throws -> Evidence {
    if let size = image.description.size?.bytes, size != source.size {
      throw SlipwayError(
        .sizeMismatch, "image \(image.key) has \(size) bytes, its snapshot \(source.size)", object: image.key,
        hint: "upload the image again")
    }
    let known = before?.digests ?? []
    var algorithms = Set((demand.digests.map(\.digest) + known).map(\.algorithm))
    if let verifier { algorithms.insert(verifier.algorithm) }
    if algorithms.isEmpty { algorithms.insert(.sha256) }
    let observers = try algorithms.sorted { $0.rawValue < $1.rawValue }.map { try DigestObserver($0) }
    let inspection = InspectionObserver(claimed: .raw, object: image.key)
    var options = TransferOptions()
    options.objectSize = source.objectSize
    options.phase = .verifying
    _ = try await Transfer.run(
      from: source, to: NoSink(), observers: [inspection] + observers, options: options, budget: budget, workers: data, context: context)
    let computed = try observers.map { try $0.result() }
    for (expected, says) in demand.digests + known.map({ ($0, "earlier evidence") }) where !computed.contains(expected) {
      let found = computed.first { $0.algorithm == expected.algorithm }
      throw SlipwayError(
        .digestMismatch, "the snapshot of image \(image.key) has \(found?.description ?? "no digest"), \(says) says \(expected)",
        object: image.key, hint: "no disk was made; compare the image with its original and upload it again")
    }
    let inspected = try inspection.result()
    try image.rule.judge(InspectedBytes(inspected), of: image.key)
    let first = demand.digests.first
    let kept = first?.digest ?? computed.max { $0.algorithm.length < $1.algorithm.length }
    let others = computed.filter { $0 != kept }
    let evidence = Evidence(
      verdict: first == nil ? .none : .matched, computed: kept, also: others.isEmpty ? nil : others, expected: first?.digest,
      expectedFrom: first?.from, sourceSize: ByteCount(source.size), inspected,
      signatures: before?.signatures, policy: image.rule.evidence)
    guard let verifier else { return evidence }
    guard let digest = computed.first(where: verifier.takes) else {
      throw SlipwayError(.internalError, "nothing was hashed for the signature", object: image.key)
    }
    return evidence.adding(try verifier.judge(digest))
  }

  /// The ids of the snapshot that has the location's names now, whatever a handle that was opened before still sees.
  static func versionNow(_ location: RBDLocation, in cluster: Cluster) async throws -> String {
    let source = try await RBDSource.open(location, in: cluster)
    do {
      let version = try await source.version()
      await source.close()
      return version
    } catch {
      await source.close()
      throw error
    }
  }

  /// Throws `source_not_found` unless the ids of a snapshot are those that it was planned with.
  static func check(_ now: String, _ planned: String, _ location: RBDLocation) throws(SlipwayError) {
    guard now != planned else { return }
    throw SlipwayError(
      .sourceNotFound, "snapshot \(location) was replaced while it was looked at", object: location.url, hint: "try again")
  }
}
