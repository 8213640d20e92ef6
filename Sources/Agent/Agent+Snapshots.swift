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
  /// Proves a snapshot before disks are cloned from it: a signed image, or any image where `trust.clone` is `verify-all`. It is read once through
  /// the verifier; its ids never change their bytes, so what was found holds for every later clone, on this host. Concurrent requests read it once.
  ///
  /// Throws `signature_mismatch`, `digest_mismatch`, `size_mismatch`, what a certificate throws, and `source_not_found` for a snapshot that is another
  /// than was planned with.
  func prove(_ choice: Choice, _ image: ResolvedImage, _ demand: Demand, _ context: RequestContext) async throws {
    var demand = demand
    if configuration.trust.clone == .verifySigned { demand.digests = [] }
    guard demand.signatures.signature != nil || configuration.trust.clone == .verifyAll else { return }
    guard let version = choice.facts?.version else { throw SlipwayError(.internalError, "a clone's parent has no ids", object: image.key) }
    let (store, wanted) = (try await store(context), demand)
    if try await isProved(version, wanted, store) { return }
    // A lock of its own, by a name that no base has.
    let identity = try BaseIdentity(url: "snapshot", stamp: .version(version), sourceFormat: "raw", format: .raw, owner: nil)
    try await store.withBaseLock(identity, context: context) { wait in
      context.progress(Progress(phase: .waiting, position: wait.work?.position ?? 0, total: wait.work?.total))
    } _: { lock in
      guard try await !self.isProved(version, wanted, store) else { return }
      var telling = context
      telling.progress = { progress in
        lock.report(progress)
        context.progress(progress)
      }
      let evidence = try await self.verifiedSnapshot(choice, version, image, wanted, try await store.evidence(ofSnapshot: version), telling)
      try await store.keep(evidence, ofSnapshot: version)
    }
  }

  private func isProved(_ version: String, _ demand: Demand, _ store: Store) async throws -> Bool {
    guard let evidence = try await store.evidence(ofSnapshot: version) else { return false }
    return try demand.standing(of: evidence) == .satisfied
  }

  private func verifiedSnapshot(
    _ choice: Choice, _ version: String, _ image: ResolvedImage, _ demand: Demand, _ before: Evidence?, _ context: RequestContext
  ) async throws -> Evidence {
    let verifier = try await verifier(image, demand.signatures, context)
    if let before, let verifier, let digest = before.digests.first(where: verifier.takes),
      case .unproven(let missing, _) = try demand.standing(of: before), missing.isEmpty
    {
      return before.adding(try verifier.judge(digest))
    }
    guard let name = choice.cluster, let location = choice.rbd else { throw SlipwayError(.internalError, "a clone names no snapshot") }
    try await transfers.take(1)
    defer { transfers.give(1) }
    let cluster = try await clusters.connect(name, as: try clusters.configured(name).imageUser, deadline: context.deadline)
    let source = try await RBDSource.open(location, in: cluster)
    let result: Result<Evidence, any Error>
    do {
      try Self.check(try await source.version(), version, location)
      context.log(.info, "verifying a snapshot before its first clone", ["image": image.key, "snapshot": version])
      result = .success(try await read(source, image, demand, verifier, before, context))
      try Self.check(try await source.version(), version, location)
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
    let first = demand.digests.first
    let kept = first?.digest ?? computed.max { $0.algorithm.length < $1.algorithm.length }
    let others = computed.filter { $0 != kept }
    let inspected = try inspection.result()
    let evidence = Evidence(
      verdict: first == nil ? .none : .matched, computed: kept, also: others.isEmpty ? nil : others, expected: first?.digest,
      expectedFrom: first?.from, sourceSize: ByteCount(source.size), inspectedFormat: inspected.format.rawValue,
      partitions: inspected.partitions?.rawValue, verifiedAt: Self.timestamp(), signatures: before?.signatures)
    guard let verifier else { return evidence }
    guard let digest = computed.first(where: verifier.takes) else {
      throw SlipwayError(.internalError, "nothing was hashed for the signature", object: image.key)
    }
    return evidence.adding(try verifier.judge(digest))
  }

  /// Throws `source_not_found` unless the ids of a snapshot are those that it was planned with.
  static func check(_ now: String, _ planned: String, _ location: RBDLocation) throws(SlipwayError) {
    guard now != planned else { return }
    throw SlipwayError(
      .sourceNotFound, "snapshot \(location) was replaced while it was looked at", object: location.url, hint: "try again")
  }
}

/// Where bytes go that only their observers are to see.
struct NoSink: Sink {
  let granularity = 65536
  func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {}
  func reached(_ offset: Int64) async throws {}
  func finish(size: Int64) async throws {}
}
