internal import Ceph
internal import Crypto
internal import Files
internal import ImageFormats
internal import ImageStore
internal import Model
internal import Planner
internal import Runtime
internal import Transfer
internal import Transports

/// The making of one base, under its lock: candidates in order, each with a new temporary file, new digests and a new inspection.
struct BaseWork {
  let agent: Agent
  let store: Store
  let image: ResolvedImage
  let identity: BaseIdentity
  let lock: BaseLock
  let rate: RateLimit?
  let context: RequestContext

  /// Tries the plan's candidates until one gives a base. A digest that does not match lets one more source try, and ends the request then.
  func run(_ planner: inout RoutePlanner) async throws -> (Published, Route, ByteTally) {
    var mismatches = 0
    var last: SlipwayError?
    while true {
      let plan = try await agent.drive(&planner, context)
      guard let choice = planner.choice else { throw last ?? plan.outcomeError(for: planner.request) ?? agent.noRoute(image) }
      context.log(.info, "transferring", ["image": image.key, "route": choice.route.rawValue])
      do {
        return try await attempt(choice)
      } catch let error as SlipwayError {
        try Task.checkCancellation()
        guard let reason = Self.reason(for: error) else { throw error }
        context.log(.warning, "a source failed", ["image": image.key, "route": choice.route.rawValue, "error": error.description])
        last = error
        if reason == .digestMismatch || reason == .sizeMismatch {
          mismatches += 1
          if mismatches > 1 { throw error }
        }
        planner.fail(choice, reason, error.message)
      }
    }
  }

  /// What a failure in use says about a candidate; nil for one that another source would not mend.
  private static func reason(for error: SlipwayError) -> Reason? {
    switch error.code {
    case .digestMismatch: .digestMismatch
    case .sizeMismatch: .sizeMismatch
    case .sourceNotFound: .sourceMissing
    case .permissionDenied: .permissionDenied
    case .clusterUnreachable: .clusterUnreachable
    case .sourceFailed: .sourceUnreachable
    default: nil
    }
  }

  /// One candidate, up to the published base. A download that broke where it cannot resume begins again, twice at most.
  private func attempt(_ choice: Choice) async throws -> (Published, Route, ByteTally) {
    var tries = choice.route == .download ? 3 : 1
    while true {
      tries -= 1
      do {
        return try await once(choice)
      } catch let error as SlipwayError where error.code == .sourceFailed && tries > 0 {
        try context.deadline.check("downloading \(image.key)")
        context.log(.warning, "the download broke; beginning again", ["image": image.key, "error": error.message])
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }

  private func once(_ choice: Choice) async throws -> (Published, Route, ByteTally) {
    let opened = try await OpenedSource.open(choice, image: image, agent: agent, context: context)
    let first: Received
    do {
      first = try await receive(opened, choice)
      await opened.close()
    } catch {
      await opened.close()
      throw error
    }
    do {
      let evidence = try verdict(first, choice)
      let (staged, virtual, tally) = try await converted(first)
      context.progress(Progress(phase: .publishing, position: virtual, total: virtual))
      let record = BaseRecord(
        identity: identity, images: image.description.id.map { [$0] } ?? [], imageName: image.description.name,
        virtualSize: ByteCount(virtual), source: choice.location?.url ?? image.key, route: choice.route, evidence: evidence, tally: tally)
      return (try await store.publish(staged, record: record), choice.route, tally)
    } catch {
      await first.staged.abandon()
      throw error
    }
  }

  /// Stored bytes that are here, not judged yet.
  struct Received: Sendable {
    let staged: StagedBase
    let tally: ByteTally
    let digests: [DigestObserver]
    let inspection: InspectionObserver
    /// Whether the file already is the base, or must be converted.
    let isBase: Bool
    /// Size of the stored bytes.
    let stored: Int64
  }

  /// Streams the stored bytes into a temporary file: straight into the base's format where one pass can, else as they are.
  private func receive(_ source: OpenedSource, _ choice: Choice) async throws -> Received {
    let claimed = try ImageFormat(claimed: image.description.diskFormat ?? "", object: image.key)
    let inspection = InspectionObserver(claimed: claimed, object: image.key)
    var algorithms = Set(image.expectations.map(\.digest.algorithm))
    // Still being hashed there: ours is kept, to be compared once theirs is known.
    if image.description.digestPending, algorithms.isEmpty { algorithms.insert(.sha512) }
    if let id = image.description.id, algorithms.isEmpty || !algorithms.contains(where: \.isStrong) {
      context.log(.debug, "no strong digest to compare with; taking one", ["image": id.text])
      algorithms.insert(.sha256)
    }
    let digests = try algorithms.sorted { $0.rawValue < $1.rawValue }.map { try DigestObserver($0) }
    let size = source.size ?? image.description.size?.bytes
    // Into qcow2 at once needs the size first; a qcow2 is kept as it is, or decoded when its verdict is known.
    let straight = claimed == .raw && (identity.format == .raw || size != nil)
    let isBase = straight || (claimed == .qcow2 && identity.format == .qcow2)
    let staged = try await store.stage(identity, reserve: ByteCount(source.estimate ?? size ?? 0), lock: lock, context: context)
    do {
      let sink: any Sink
      if straight, identity.format == .qcow2, let size {
        sink = try Qcow2FileSink(staged.file, virtualSize: size, workers: agent.data)
      } else {
        sink = RawFileSink(staged.file, workers: agent.data)
      }
      var options = TransferOptions()
      options.objectSize = source.objectSize
      options.rate = rate
      let observers: [any Observer] = [inspection] + digests
      let tally: ByteTally
      switch source.kind {
      case .random(let random):
        tally = try await Transfer.run(
          from: random, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
      case .sequential(let sequential):
        tally = try await Transfer.run(
          from: sequential, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
      }
      return Received(staged: staged, tally: tally, digests: digests, inspection: inspection, isBase: isBase, stored: tally.virtual)
    } catch {
      await staged.abandon()
      throw error
    }
  }

  /// Judges what was received: size, digests, format. Throws `size_mismatch`, `digest_mismatch`, `format_mismatch`, `format_refused`.
  private func verdict(_ received: Received, _ choice: Choice) throws -> Evidence {
    context.progress(Progress(phase: .verifying, position: received.stored, total: received.stored))
    let from = choice.location.map { " from \($0)" } ?? " from the image service"
    if let size = image.description.size?.bytes, size != received.stored {
      throw SlipwayError(
        .sizeMismatch, "image \(image.key) has \(size) bytes, \(received.stored) came\(from)", object: image.key,
        hint: "nothing was kept; upload the image again")
    }
    var computed: [DigestAlgorithm: Digest] = [:]
    for digest in try received.digests.map({ try $0.result() }) { computed[digest.algorithm] = digest }
    let expectations = image.expectations
    for (expected, says) in expectations where computed[expected.algorithm] != expected {
      throw SlipwayError(
        .digestMismatch,
        "the bytes of image \(image.key)\(from) have \(computed[expected.algorithm]?.description ?? "no digest"), \(says) says \(expected)",
        object: image.key, hint: "nothing was kept; compare the image with its original and upload it again")
    }
    let inspected = try received.inspection.result()
    let verdict: Evidence.DigestVerdict = expectations.isEmpty ? (image.description.digestPending ? .pending : .none) : .matched
    let best = expectations.first { $0.digest.algorithm.isStrong } ?? expectations.first
    let kept = best?.digest ?? computed.values.max { $0.algorithm.length < $1.algorithm.length }
    return Evidence(
      verdict: verdict, computed: kept, expected: best?.digest, expectedFrom: best?.from, sourceSize: ByteCount(received.stored),
      inspectedFormat: inspected.format.rawValue, verifiedAt: Agent.timestamp())
  }

  /// The base's own bytes from verified stored ones, with its virtual size and what was moved in all.
  private func converted(_ received: Received) async throws -> (StagedBase, Int64, ByteTally) {
    let isQcow2 = image.description.diskFormat == "qcow2"
    if received.isBase {
      let virtual = isQcow2 ? try received.inspection.result().virtualSize : received.stored
      let rounded = !isQcow2 && identity.format == .qcow2 ? (virtual + 511) / 512 * 512 : virtual
      var tally = received.tally
      tally.virtual = rounded
      return (received.staged, rounded, tally)
    }
    var options = TransferOptions()
    options.phase = .converting
    let source: any RandomAccessSource
    if isQcow2 {
      source = try await Qcow2Source.open(received.staged.file, size: received.stored, workers: agent.data)
    } else {
      source = FileSource(received.staged.file, size: received.stored, workers: agent.data)
    }
    let staged = try await store.stage(identity, reserve: ByteCount(received.tally.written), lock: lock, context: context)
    do {
      let sink: any Sink =
        identity.format == .qcow2
        ? try Qcow2FileSink(staged.file, virtualSize: source.size, workers: agent.data) : RawFileSink(staged.file, workers: agent.data)
      var tally = try await Transfer.run(
        from: source, to: sink, options: options, budget: agent.budget, workers: agent.data, context: context)
      tally.read = received.tally.read
      await received.staged.abandon()
      return (staged, tally.virtual, tally)
    } catch {
      await staged.abandon()
      throw error
    }
  }
}
