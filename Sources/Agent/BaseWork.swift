internal import Ceph
internal import Crypto
internal import Files
internal import ImageFormats
internal import ImageStore
internal import ImageTrust
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
  /// Digests that a base which is here already is known by; the source must have them too.
  var known: [Digest] = []
  /// Signatures that such a base is known to have.
  var signed: [SignatureEvidence] = []
  /// The image's signature, to be judged with the bytes; nil when it has none or it was judged before.
  var verifier: SignatureVerifier?

  /// Tries the plan's candidates until one gives a base.
  func run(_ planner: inout RoutePlanner) async throws -> (Published, Route, ByteTally) {
    try await candidates(&planner) { try await once($0) }
  }

  /// Reads the source of a base that is here once more, since its evidence holds less than is demanded today; nothing is written to the base.
  /// The bytes must have every digest that is demanded and every one that the base is known by. Throws `digest_mismatch` and as `run`.
  func verifyAgain(_ record: BaseRecord, _ planner: inout RoutePlanner) async throws -> (BaseRecord, ByteTally) {
    var work = self
    work.known = record.evidence.digests
    work.signed = record.evidence.signatures ?? []
    let again = work
    return try await candidates(&planner) { choice in
      let received = try await again.received(choice, isKept: false)
      var evidence: Evidence
      do {
        evidence = try again.verdict(received, choice)
        // The base's own bytes are those of before.
        evidence.conversion = record.evidence.conversion
      } catch {
        await received.abandon()
        throw error
      }
      await received.abandon()
      var tally = received.tally
      tally.written = 0
      return (try await store.noteEvidence(evidence, lock: lock), tally)
    }
  }

  /// Tries the plan's candidates with `body` until one succeeds.
  private func candidates<Value>(_ planner: inout RoutePlanner, _ body: (Choice) async throws -> Value) async throws -> Value {
    guard let value = try await SourceCandidates(agent: agent, image: image, context: context).first(&planner, body) else {
      throw agent.noRoute(image)
    }
    return value
  }

  private func once(_ choice: Choice) async throws -> (Published, Route, ByteTally) {
    let first = try await received(choice)
    do {
      var evidence = try verdict(first, choice)
      let (staged, virtual, tally) = try await converted(first, &evidence)
      context.progress(Progress(phase: .publishing, position: virtual, total: virtual))
      let record = BaseRecord(
        identity: identity, images: image.description.id.map { [$0] } ?? [], imageName: image.description.name,
        virtualSize: ByteCount(virtual), source: choice.location?.url ?? image.key, route: choice.route, evidence: evidence, tally: tally)
      return (try await store.publish(staged, record: record), choice.route, tally)
    } catch {
      await first.abandon()
      throw error
    }
  }

  /// The stored bytes in a temporary file, from a source that did not change meanwhile and is closed.
  private func received(_ choice: Choice, isKept: Bool = true) async throws -> Received {
    let opened = try await OpenedSource.open(choice, image: image, agent: agent, context: context)
    do {
      let received = try await receive(opened, isKept: isKept, isImmutable: choice.route == .export)
      do {
        try await opened.prove()
      } catch {
        await received.abandon()
        throw error
      }
      if !received.keepsSource { await opened.close() }
      return received
    } catch {
      await opened.close()
      throw error
    }
  }
}
