internal import Files
internal import ImageFormats
internal import ImageStore
internal import Model
internal import Runtime
internal import Transfer
internal import Transports

/// What a base should be, by its record.
struct AuditSubject: Sendable {
  /// The format of the image's bytes, as it was found.
  var source: DiskFormat?
  /// Whether the base is a qcow2 that we made of plain sectors.
  var isMade: Bool
  /// Whether the base's file holds the image's stored bytes as they are.
  var isVerbatim: Bool
  /// The base's format.
  var format: BaseFormat
  /// Size of the image's stored bytes.
  var storedSize: Int64
  /// A digest of the stored bytes, the strongest that is known.
  var digest: Digest?

  init(_ record: BaseRecord) {
    source = DiskFormat(rawValue: record.evidence.inspectedFormat)
    format = record.identity.format
    isVerbatim = record.identity.sourceFormat == record.identity.format.rawValue
    isMade = record.identity.sourceFormat == "raw" && record.identity.format == .qcow2
    storedSize = record.evidence.sourceSize.bytes
    digest = record.evidence.digests.max { $0.algorithm.length < $1.algorithm.length }
  }
}

/// Reads bases through today's inspectors.
struct AuditReader {
  let agent: Agent
  let store: Store
  let rate: RateLimit?
  let context: RequestContext

  /// The bytes that were read and what was found in them, in layers: the file, and what a guest sees of a qcow2 that we made of a raw image. `subject`
  /// is nil for a base of which only its place is known.
  ///
  /// Throws `format_mismatch`, `format_refused`, `size_mismatch` and `digest_mismatch` for bytes that are not what they should be; `io_error` and the
  /// like for those that cannot be read; `base_not_found`, `timeout`, `CancellationError`.
  func read(_ name: BaseName, _ subject: AuditSubject?) async throws -> (ByteCount, [InspectedBytes]) {
    let file = try await store.openBase(name)
    do {
      let found = try await read(file, store.path(of: name), subject)
      _ = try? await agent.files.runAlways { try file.close() }
      return found
    } catch {
      _ = try? await agent.files.runAlways { try file.close() }
      throw error
    }
  }

  private func read(_ file: File, _ path: String, _ subject: AuditSubject?) async throws -> (ByteCount, [InspectedBytes]) {
    let size = try await agent.files.run { try file.size() }
    let claimed = try await claim(file, path, subject)
    let source = FileSource(file, size: size, workers: agent.data)
    guard let subject, subject.isMade else {
      // What another program shows guests of an image that it converted proves no digest.
      let digest = subject?.isVerbatim == true ? subject?.digest : nil
      let (read, found) = try await pass(source, claimed, digest, path)
      return (read, [found])
    }
    let header = try await inspectHeader(file, path, size: size)
    let guest = try await Qcow2Source.open(file, size: size, workers: agent.data)
    let bytes = try await GuestBytes.open(guest, size: min(subject.storedSize, guest.size), object: path)
    let (read, found) = try await pass(bytes, subject.source ?? .raw, subject.digest, path)
    return (read, [header, found])
  }

  /// The format that the file must have: what its record says, else what its first bytes are, where the layout leaves that open.
  private func claim(_ file: File, _ path: String, _ subject: AuditSubject?) async throws -> DiskFormat {
    if let subject {
      if subject.isVerbatim, let source = subject.source { return source }
      return subject.format == .qcow2 ? .qcow2 : .raw
    }
    let kept = try store.layout.format(of: BaseFormat.qcow2.rawValue, wanted: .raw, isFirm: false, object: path)
    guard kept == .qcow2 else { return .raw }
    let head = try await agent.files.run { try Agent.head(of: file) }
    return head.starts(with: Array("QFI".utf8) + [0xFB]) ? .qcow2 : .raw
  }

  /// What inspection lets pass here that it does not of an image: a base knows an ISO as the raw that it was kept as, and in Nova's cache nothing tells a
  /// kernel, which has the signature of a partition table and none, from a disk.
  private var judgement: InspectionPolicy {
    var policy = InspectionPolicy()
    policy.allowsISOAsRaw = true
    policy.checksPartitions = !store.layout.keepsKernels
    return policy
  }

  /// One pass over the bytes.
  private func pass(
    _ source: any RandomAccessSource, _ claimed: DiskFormat, _ digest: Digest?, _ path: String
  ) async throws -> (ByteCount, InspectedBytes) {
    let inspection = InspectionObserver(claimed: claimed, object: path, policy: judgement)
    let observer = try digest.map { try DigestObserver($0.algorithm) }
    var options = TransferOptions()
    options.phase = .verifying
    options.rate = rate
    let tally = try await Transfer.run(
      from: source, to: NoSink(), observers: [inspection] + (observer.map { [$0] } ?? []), options: options, budget: agent.budget,
      workers: agent.data, context: context)
    let found = InspectedBytes(try inspection.result())
    if let digest, let computed = try observer?.result(), computed != digest {
      throw SlipwayError(
        .digestMismatch, "\(path) holds bytes with \(computed), and was verified as \(digest)", object: path,
        hint: "see: slipway cache verify; what stands on it may be damaged, too")
    }
    return (ByteCount(tally.read), found)
  }

  /// The header of a qcow2 of our making: what a stranger put there would be seen.
  private func inspectHeader(_ file: File, _ path: String, size: Int64) async throws -> InspectedBytes {
    try await agent.files.run {
      var inspector = FormatInspector(claimed: .qcow2, object: path)
      let head = try Agent.head(of: file)
      try head.withUnsafeBytes { try inspector.update($0) }
      try inspector.zeros(max(0, size - Int64(head.count)))
      return InspectedBytes(try inspector.finish())
    }
  }
}
