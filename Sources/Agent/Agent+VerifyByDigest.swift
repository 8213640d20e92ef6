internal import Files
internal import ImageStore
internal import Model
internal import Runtime
internal import Transfer
internal import Transports

extension Agent {
  /// Verifies a base that has no block hashes by the digest of its evidence, and gives it hashes when that proves it. `report` comes back, with more
  /// to say, where nothing can prove it.
  func verifyByDigest(_ report: VerifyReport, _ store: Store, _ rate: RateLimit?, _ context: RequestContext) async throws -> VerifyReport {
    guard case .unverifiable(let reason) = report.verdict else { return report }
    let lock = try await store.lock(report.name, context: context)
    defer { lock.release() }
    guard let record = try await store.state(of: report.name).record else { return report }
    // A qcow2 that was made from raw bytes shows them. The other way round is closed: the tables of a qcow2 that was decoded are gone.
    let isDecodable = record.identity.sourceFormat == "raw" && record.identity.format == .qcow2
    do {
      guard isDecodable else { return try await store.giveHashes(lock, rate: rate, context: context) }
      return try await store.giveHashes(lock, rate: rate, context: context) { algorithm in
        try await self.digest(ofGuestIn: record, store, algorithm, rate, context)
      }
    } catch let error as SlipwayError where error.code == .digestRequired {
      return report.unverifiable("\(reason); and \(error.message)")
    }
  }

  private func digest(
    ofGuestIn record: BaseRecord, _ store: Store, _ algorithm: DigestAlgorithm, _ rate: RateLimit?, _ context: RequestContext
  ) async throws -> Digest {
    let file = try await store.openBase(record.name)
    defer { try? file.close() }
    let size = try await files.run { try file.size() }
    let guest = try await Qcow2Source.open(file, size: size, workers: data)
    let wanted = record.evidence.sourceSize.bytes
    guard wanted <= guest.size else {
      throw SlipwayError(
        .digestMismatch, "its guest sees \(guest.size) bytes, and \(wanted) were verified", object: store.path(of: record.name))
    }
    let source = try await GuestBytes.open(guest, size: wanted, object: store.path(of: record.name))
    let digest = try DigestObserver(algorithm)
    var options = TransferOptions()
    options.rate = rate
    options.phase = .verifying
    _ = try await Transfer.run(
      from: source, to: NowhereSink(workers: data), observers: [digest], options: options, budget: budget, workers: data, context: context)
    return try digest.result()
  }
}

/// Where bytes go that are only looked at.
private struct NowhereSink: BlockingSink {
  let granularity = 65536
  let workers: WorkerPool

  func writeBlocking(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {}

  func reached(_ offset: Int64) async throws {}

  func finish(size: Int64) async throws {}
}
