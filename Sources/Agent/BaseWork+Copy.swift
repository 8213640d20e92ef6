internal import Files
internal import ImageFormats
internal import ImageStore
internal import Model
internal import Planner
internal import Runtime
internal import Transfer
internal import Transports

extension BaseWork {
  /// Makes the base from a copy of it: the bytes of the image that it was made from are read out of the copy, must have the digest that the base is
  /// known by, and are written anew, so that nothing of the copy's own making (a qcow2's tables) is taken over unproved.
  ///
  /// Throws `digest_mismatch`, `format_mismatch`, `format_refused`, `digest_required` for a copy that can prove nothing, `source_not_found`.
  func take(_ copy: BaseCopy) async throws -> (Published, Route, ByteTally) {
    // As every transfer: whoever holds one waits for no other base.
    try await agent.transfers.take(1, priority: context.priority)
    defer { agent.transfers.give(1) }
    var missing: SlipwayError?
    for place in copy.places {
      do {
        return try await take(copy, place)
      } catch let error as SlipwayError where error.code == .sourceNotFound {
        missing = missing ?? error
      }
    }
    throw missing ?? SlipwayError(.sourceNotFound, "there is no copy of \(identity.name)", object: identity.name.text)
  }

  private func take(_ copy: BaseCopy, _ place: BaseCopy.Place) async throws -> (Published, Route, ByteTally) {
    let opened = try await open(place, copy.record)
    let received: Received
    do {
      received = try await receive(opened)
      do {
        try await opened.prove()
      } catch {
        await received.abandon()
        throw error
      }
      await opened.close()
    } catch {
      await opened.close()
      throw explained(SlipwayError.wrap(error), place)
    }
    let route: Route = if case .path = place { .file } else { .download }
    do {
      var evidence = try verdict(received, from: " from \(place.shown)")
      if evidence.expectedFrom == "os_hash" { evidence.expectedFrom = "identity" }
      let (staged, virtual, tally) = try await converted(received, &evidence)
      context.progress(Progress(phase: .publishing, position: virtual, total: virtual))
      // Which images it serves is not said by its bytes, so the copy's word for it is not taken.
      let record = BaseRecord(
        identity: identity, images: image.description.id.map { [$0] } ?? [], virtualSize: ByteCount(virtual), source: place.shown,
        route: route, evidence: evidence, tally: tally)
      return (try await store.publish(staged, record: record), route, tally)
    } catch {
      await received.abandon()
      throw error
    }
  }

  /// The image's bytes within a copy: the file as it is, or what a guest sees where a raw image is kept as qcow2.
  private func open(_ place: BaseCopy.Place, _ record: BaseRecord?) async throws -> OpenedSource {
    let isDecoded = identity.sourceFormat == "raw" && identity.format == .qcow2
    switch place {
    case .path(let path):
      let opened = try await OpenedSource.file(path, under: agent.copyRoots, agent)
      guard isDecoded, let file = opened.file else { return opened }
      do {
        return try await decoded(file, place, record, opened)
      } catch {
        await opened.close()
        throw error
      }
    case .url(let url):
      let opened = try await OpenedSource.download(url, nil, agent, context)
      guard isDecoded else { return opened }
      let staged: StagedBase
      do {
        staged = try await kept(opened)
        await opened.close()
      } catch {
        await opened.close()
        throw error
      }
      do {
        let held = OpenedSource(kind: opened.kind, close: { await staged.abandon() })
        return try await decoded(staged.file, place, record, held)
      } catch {
        await staged.abandon()
        throw error
      }
    }
  }

  /// A copy that comes from a server, kept as it is while it is looked into.
  private func kept(_ opened: OpenedSource) async throws -> StagedBase {
    let staged = try await store.stage(identity, reserve: ByteCount(opened.size ?? 0), lock: lock, context: context)
    do {
      guard case .sequential(let source) = opened.kind else { throw SlipwayError(.internalError, "a download is no stream") }
      _ = try await agent.promising(staged) {
        try await Transfer.run(
          from: source, to: RawFileSink(staged.file, workers: agent.data), budget: agent.budget, workers: agent.data, context: context)
      }
      return staged
    } catch {
      await staged.abandon()
      throw error
    }
  }

  private func decoded(
    _ file: File, _ place: BaseCopy.Place, _ record: BaseRecord?, _ opened: OpenedSource
  ) async throws -> OpenedSource {
    let size = try await agent.files.run { try file.size() }
    guard try await agent.files.run({ try Self.isQcow2(file) }) else {
      throw SlipwayError(
        .formatMismatch, "\(place.shown) is no qcow2, and the disk reads its base as qcow2: the guest would see other bytes",
        object: place.shown, hint: "nothing was kept; give --from a copy of \(identity.name)")
    }
    let guest = try await Qcow2Source.open(file, size: size, workers: agent.data)
    // A claim, until the digest has been compared: an image that ends within a sector.
    let claimed = record?.evidence.sourceSize.bytes ?? image.description.size?.bytes ?? guest.size
    let exact = claimed <= guest.size && claimed > guest.size - 512 ? claimed : guest.size
    let bytes = try await GuestBytes.open(guest, size: exact, object: place.shown)
    var source = opened
    source.kind = .random(bytes)
    source.objectSize = nil
    source.estimate = try await guest.estimate()
    return source
  }

  private static func isQcow2(_ file: File) throws -> Bool {
    let magic = Array("QFI".utf8) + [0xFB]
    var head = [UInt8](repeating: 0, count: magic.count)
    let count = try head.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return count == magic.count && head == magic
  }

  /// A raw base that was decoded from a qcow2 cannot show that image's digest: the tables that belonged to it are gone.
  private func explained(_ error: SlipwayError, _ place: BaseCopy.Place) -> SlipwayError {
    let source = identity.sourceFormat
    guard error.code == .formatMismatch, source != "raw", source != identity.format.rawValue else { return error }
    return SlipwayError(
      .digestRequired,
      "\(identity.name) was decoded from a \(source), and the decoded bytes at \(place.shown) cannot prove that image's digest",
      object: place.shown, hint: "give --from the original \(source) image", cause: error)
  }
}
