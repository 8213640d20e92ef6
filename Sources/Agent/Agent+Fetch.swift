internal import Configuration
public import ImageStore
internal import ImageTrust
public import Model
internal import Planner
public import Runtime

/// A base that is ready, and how it came to be.
public struct FetchAnswer: Sendable {
  /// The image's id, or the location that was typed.
  public let image: String
  /// Absolute path of the base.
  public let path: String
  /// Its record.
  public let record: BaseRecord
  /// The way by which it came now; nil on a hit.
  public let route: Route?
  /// What this very request moved.
  public let tally: ByteTally
  /// How long it took.
  public let duration: Duration
}

extension Agent {
  /// Brings an image into the store as a verified base, or finds it there.
  ///
  /// The image service is asked in either case. Two requests for one image transfer it once, between processes too.
  public func fetch(
    _ request: ImageRequest, format: BaseFormat?, rate: RateLimit? = nil, context: RequestContext
  ) async throws -> FetchAnswer {
    let start = ContinuousClock.now
    let wanted = format ?? Self.format(for: .qcow2, configuration)
    switch try await resolve(request, context) {
    case .cachedOnly(let id, let error):
      guard let record = try await cached(id, wanted, request, context) else { throw error }
      return try await hit(record, id.text, start, context)
    case .image(let image):
      return try await base(image, wanted, isFirm: format != nil, rate: rate, start, context)
    }
  }

  /// The base of an image that the caller may use, in the format that is wanted; the layout may choose another unless the wish is firm.
  func base(
    _ image: ResolvedImage, _ wanted: BaseFormat, isFirm: Bool = false, withKernels: Bool = true, rate: RateLimit? = nil,
    _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> FetchAnswer {
    let store = try await store(context)
    let layout = store.layout
    // By what the image is said to be, whatever it is read as.
    let demand = try image.demand(configuration)
    let image = image.asRead(in: layout)
    try layout.checkNamed(image.description.id, object: image.key)
    try Self.judgeBytes(image)
    try demand.judge(isPending: image.description.digestPending)
    let format = try layout.format(of: image.description.diskFormat, wanted: wanted, isFirm: isFirm, object: image.key)
    if withKernels { try await bringKernels(of: image, rate: rate, context) }
    let target: Target = format == .raw ? .raw : .qcow2
    var planner = RoutePlanner(planRequest(image, target: target, baseOnly: true, size: nil, mode: .spawn))
    var known = try identity(image, format, version: nil)
    if known == nil {
      // A typed location without a digest: what it is now tells whether we have it.
      let plan = try await drive(&planner, context)
      guard let choice = planner.choice else { throw outcomeError(plan, planner) ?? noRoute(image) }
      known = try identity(image, format, chosen: choice.facts?.version)
    }
    guard let known else { throw noRoute(image) }
    let identity = try layout.place(known, of: image.description.id, object: image.key)
    // What is here and needs nothing is handed out without waiting for the lock.
    func ready() async throws -> FetchAnswer? {
      guard let record = try await store.lookup(identity), try demand.standing(of: record) == .satisfied,
        image.description.id.map(record.images.contains) ?? true
      else { return nil }
      return try await hit(record, image.key, start, context)
    }
    if let answer = try await ready() { return answer }
    let prepared = planner
    return try await store.withBaseLock(identity, context: context) { wait in
      context.progress(Progress(phase: .waiting, position: wait.work?.position ?? 0, total: wait.work?.total))
    } unless: {
      try await ready()
    } _: { lock in
      var planner = prepared
      // Who waits for this base sees how far it is, and a spawn that waits ends the limit, for this base alone.
      var telling = context
      telling.progress = { progress in
        lock.report(progress)
        context.progress(progress)
      }
      let share = rate.map { RateLimit(sharing: $0) }
      if let share { lock.whenUrgent { share.lift() } }
      var work = BaseWork(agent: self, store: store, image: image, identity: identity, lock: lock, rate: share, context: telling)
      if var record = try await store.lookup(identity) {
        var tally: ByteTally?
        if case .unproven(let missing, let unsigned, let untold) = try demand.standing(of: record) {
          context.log(
            .info, "verifying a base again",
            [
              "image": image.key, "digests": missing.map(\.algorithm.rawValue).joined(separator: " "),
              "signature": unsigned ? "yes" : "no",
            ])
          work.verifier = unsigned ? try await self.verifier(image, demand.signatures, context) : nil
          if missing.isEmpty, !untold, let verifier = work.verifier, let known = record.evidence.digests.first(where: verifier.takes) {
            // Signed is the digest, and that is known of these very bytes.
            record = try await store.noteEvidence(
              record.evidence.adding(try verifier.judge(known), by: image.rule.evidence), lock: lock)
          } else {
            (record, tally) = try await work.verifyAgain(record, &planner)
          }
        }
        if let id = image.description.id { record = try await store.noteImage(id, lock: lock) }
        return try await self.hit(record, image.key, start, context, tally)
      }
      work.verifier = try await self.verifier(image, demand.signatures, context)
      Metric.cacheRequests.count(1, "miss")
      let (published, route, tally): (Published, Route, ByteTally)
      do {
        (published, route, tally) = try await work.run(&planner)
      } catch {
        Metric.verifications.count(1, SlipwayError.wrap(error).code.rawValue)
        throw error
      }
      Metric.verifications.count(1, published.record.evidence.verdict.rawValue)
      for (word, bytes) in [("read", tally.read), ("written", tally.written), ("holes", tally.holes)] {
        Metric.bytes.count(bytes, route.rawValue, word)
      }
      return FetchAnswer(
        image: image.key, path: published.path, record: published.record, route: route, tally: tally, duration: ContinuousClock.now - start)
    }
  }

  private func hit(
    _ record: BaseRecord, _ key: String, _ start: ContinuousClock.Instant, _ context: RequestContext, _ tally: ByteTally? = nil
  ) async throws -> FetchAnswer {
    let store = try await store(context)
    await store.recordUse(record.name)
    Metric.cacheRequests.count(1, "hit")
    return FetchAnswer(
      image: key, path: store.path(of: record.name), record: record, route: nil,
      tally: tally ?? ByteTally(virtual: record.virtualSize.bytes), duration: ContinuousClock.now - start)
  }

  func noRoute(_ image: ResolvedImage) -> SlipwayError {
    SlipwayError(.noRoute, "no route leads to image \(image.key)", object: image.key, hint: "see: slipway plan \(image.key)")
  }

  /// Formats that this version can read, on a hit as on a miss.
  static func judgeBytes(_ image: ResolvedImage) throws(SlipwayError) {
    let description = image.description
    _ = try DiskFormat(claimed: description.diskFormat, object: image.key)
    if let container = description.containerFormat, container != "bare" {
      throw SlipwayError(
        .formatRefused, "image \(image.key) has container_format '\(container)'", object: image.key, hint: "upload the bare disk image")
    }
  }
}
