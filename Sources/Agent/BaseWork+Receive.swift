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

extension BaseWork {
  /// Stored bytes that are here, not judged yet.
  struct Received: Sendable {
    /// Where they are.
    enum Place: Sendable {
      /// In a temporary file.
      case staged(StagedBase)
      /// Where they were: an immutable snapshot, still open, to be read once more.
      case source(OpenedSource, any RandomAccessSource)
    }
    let place: Place
    let tally: ByteTally
    let digests: [DigestObserver]
    let inspection: InspectionObserver
    /// Whether the file already is the base, or must be converted.
    let isBase: Bool
    /// Size of the stored bytes.
    let stored: Int64

    /// Whether the source must stay open.
    var keepsSource: Bool { if case .source = place { true } else { false } }

    /// Lets go of what was received.
    func abandon() async {
      switch place {
      case .staged(let staged): await staged.abandon()
      case .source(let source, _): await source.close()
      }
    }
  }

  private var judge: ByteJudge { ByteJudge(image: image, known: known, signed: signed, verifier: verifier, context: context) }

  /// Streams the stored bytes into a temporary file: straight into the base's format where one pass can, else as they are. `isKept`
  /// is false where only the verdict is wanted. With `isImmutable`, bytes that must be converted are only verified and stay where they are; then
  /// the source must be open until they are.
  func receive(_ source: OpenedSource, isKept: Bool = true, isImmutable: Bool = false) async throws -> Received {
    let (inspection, digests) = try judge.observers()
    let isQcow2 = image.description.knownFormat == .qcow2
    let size = source.size ?? image.description.size?.bytes
    // Into qcow2 at once needs the size first; a qcow2 is kept as it is, or decoded when its verdict is known.
    let isConverted = image.description.converted != nil
    let straight = !isQcow2 && !isConverted && (identity.format == .raw || size != nil)
    let isBase = straight || (isQcow2 && identity.format == .qcow2)
    if isImmutable, isConverted, case .random(let random) = source.kind {
      var options = TransferOptions()
      options.objectSize = source.objectSize
      options.rate = rate
      let tally = try await Transfer.run(
        from: random, to: NoSink(), observers: [inspection] + digests, options: options, budget: agent.budget, workers: agent.data,
        context: context)
      return Received(
        place: .source(source, random), tally: tally, digests: digests, inspection: inspection, isBase: false, stored: tally.virtual)
    }
    let staged = try await store.stage(identity, reserve: ByteCount(source.estimate ?? size ?? 0), lock: lock, context: context)
    do {
      let tap = isBase && isKept ? try await staged.recording() : nil
      let sink: any Sink
      if straight, identity.format == .qcow2, let size {
        sink = try Qcow2FileSink(staged.file, virtualSize: size, workers: agent.data, tap: tap)
      } else {
        sink = RawFileSink(staged.file, workers: agent.data, tap: tap)
      }
      var options = TransferOptions()
      options.objectSize = source.objectSize
      options.rate = rate
      let observers: [any Observer] = [inspection] + digests
      let tally = try await agent.promising(staged) {
        switch source.kind {
        case .random(let random):
          try await Transfer.run(
            from: random, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
        case .sequential(let sequential):
          try await Transfer.run(
            from: sequential, to: sink, observers: observers, options: options, budget: agent.budget, workers: agent.data, context: context)
        }
      }
      return Received(
        place: .staged(staged), tally: tally, digests: digests, inspection: inspection, isBase: isBase, stored: tally.virtual)
    } catch {
      await staged.abandon()
      throw error
    }
  }

  /// Judges what was received: size, digests, format, signature. Throws `size_mismatch`, `digest_mismatch`, `format_mismatch`, `format_refused`,
  /// `signature_mismatch`.
  func verdict(_ received: Received, _ choice: Choice) throws -> Evidence {
    try verdict(received, from: choice.location.map { " from \($0)" } ?? " from the image service")
  }

  /// As above; `from` ends "the bytes …".
  func verdict(_ received: Received, from: String) throws -> Evidence {
    try judge.verdict(stored: received.stored, digests: received.digests, inspection: received.inspection, from: from)
  }

  /// The base's own bytes from verified stored ones, with its virtual size and what was moved in all; `evidence` learns of a conversion.
  func converted(_ received: Received, _ evidence: inout Evidence) async throws -> (StagedBase, Int64, ByteTally) {
    if let format = image.description.converted { return try await converted(received, from: format, &evidence) }
    let isQcow2 = image.description.knownFormat == .qcow2
    guard case .staged(let source) = received.place else {
      throw SlipwayError(.internalError, "verified bytes were not kept", object: image.key)
    }
    return try await rewritten(received, source, isQcow2: isQcow2)
  }

  private func rewritten(_ received: Received, _ stored: StagedBase, isQcow2: Bool) async throws -> (StagedBase, Int64, ByteTally) {
    if received.isBase {
      let virtual = isQcow2 ? try received.inspection.result().virtualSize : received.stored
      let rounded = !isQcow2 && identity.format == .qcow2 ? (virtual + 511) / 512 * 512 : virtual
      var tally = received.tally
      tally.virtual = rounded
      return (stored, rounded, tally)
    }
    var options = TransferOptions()
    options.phase = .converting
    let source: any RandomAccessSource
    var estimate = received.tally.written
    if isQcow2 {
      let decoded = try await Qcow2Source.open(stored.file, size: received.stored, workers: agent.data)
      estimate = try await decoded.estimate()
      source = decoded
    } else {
      source = FileSource(stored.file, size: received.stored, workers: agent.data)
    }
    let staged = try await store.stage(identity, reserve: ByteCount(estimate), lock: lock, context: context)
    do {
      let tap = try await staged.recording()
      let sink: any Sink =
        identity.format == .qcow2
        ? try Qcow2FileSink(staged.file, virtualSize: source.size, workers: agent.data, tap: tap)
        : RawFileSink(staged.file, workers: agent.data, tap: tap)
      let chosen = options
      var tally = try await agent.promising(staged) {
        try await Transfer.run(
          from: source, to: sink, options: chosen, budget: agent.budget, workers: agent.data, context: context)
      }
      tally.read = received.tally.read
      await stored.abandon()
      return (staged, tally.virtual, tally)
    } catch {
      await staged.abandon()
      throw error
    }
  }
}

extension Agent {
  /// Runs `body`, which writes a staged base, and shrinks the promise of space with what is written, so that no other process counts it twice.
  func promising<Value: Sendable>(_ staged: StagedBase, _ body: () async throws -> Value) async throws -> Value {
    let files = files
    let ticker = Task {
      while (try? await Task.sleep(for: .seconds(1))) != nil { _ = try? await files.run { try staged.updateReservation() } }
    }
    defer { ticker.cancel() }
    return try await body()
  }
}
