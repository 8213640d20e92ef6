internal import Configuration
internal import Files
internal import ImageFormats
internal import ImageStore
public import Model
public import OpenStack
public import Runtime

/// A disk whose base is wanted on this host.
public struct EnsureRequest: Sendable {
  /// Path of the disk: a qcow2 that was migrated, restored or copied here.
  public var overlay: String
  /// The image that its base was made from, where the caller knows it.
  public var image: ImageReference?
  /// A file, directory or URL where a copy of the base lies.
  public var from: String?
  /// The digest of that image's bytes, for a base whose name tells none or a copy without evidence.
  public var digest: Digest?
  /// The caller's token, with which the image service is asked; nil asks with our own credentials.
  public var token: Secret?
  /// How long cleaning leaves the base alone, for the time until something is seen to use it.
  public var hold: Duration

  /// A request.
  public init(
    overlay: String, image: ImageReference? = nil, from: String? = nil, digest: Digest? = nil, token: Secret? = nil,
    hold: Duration = .seconds(600)
  ) {
    self.overlay = overlay
    self.image = image
    self.from = from
    self.digest = digest
    self.token = token
    self.hold = hold
  }
}

/// A base that a disk needs and that is here now.
public struct EnsureAnswer: Sendable {
  /// Absolute path of the disk that was looked at.
  public let overlay: String
  /// The base.
  public let base: FetchAnswer
  /// Until when cleaning leaves it alone, seconds since 1970; nil for a pin without end.
  public let heldUntil: Int64?
  /// How long it took.
  public let duration: Duration
}

extension Agent {
  /// Brings the base that a migrated or restored disk names: the same path, format and guest bytes as where it comes from. A base that is here
  /// answers; else it comes by the image, while the image service has it, and else from a copy that proves to be it.
  ///
  /// Throws as `BackingPlace.judge` and `BaseWork.take`; `base_not_found` when there is nowhere to take it from, `usage` for a disk that stands on
  /// nothing.
  public func ensureBase(_ request: EnsureRequest, context: RequestContext) async throws -> EnsureAnswer {
    let start = ContinuousClock.now
    context.progress(Progress(phase: .planning))
    let store = try await store(context)
    let (overlay, name, format) = try await base(of: request.overlay, in: store)
    for attempt in 1... {
      let base = try await presentOrBrought(name, format, overlay, request, store, start, context)
      do {
        let heldUntil = try await hold(name, overlay, request.hold, store, context)
        return EnsureAnswer(overlay: overlay, base: base, heldUntil: heldUntil, duration: ContinuousClock.now - start)
      } catch let error as SlipwayError where error.code == .baseNotFound && attempt < 3 {
        // Cleaning was quicker than the claim.
      }
    }
    throw SlipwayError(.busy, "the base \(name) is cleaned as often as it is brought", object: name.text)
  }

  /// The base when it is here and satisfies today's policy, else as it is brought, by its image or a copy. One that is here and of which less is
  /// known than policy asks is verified again by its image; where that cannot be asked, the refusal stands.
  private func presentOrBrought(
    _ name: BaseName, _ format: BaseFormat, _ overlay: String, _ request: EnsureRequest, _ store: Store,
    _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> FetchAnswer {
    do {
      if let answer = try await present(name, format, overlay, store, start, context) { return answer }
    } catch let refusal as SlipwayError where refusal.code == .digestRequired || refusal.code == .signatureRequired {
      do {
        return try await bring(name, format, overlay, request, store, start, context)
      } catch let error as SlipwayError where error.code == .baseNotFound {
        throw refusal
      }
    }
    return try await bring(name, format, overlay, request, store, start, context)
  }

  /// The disk's absolute path, the base at the end of its chain, and the format in which that is read.
  private func base(of overlay: String, in store: Store) async throws -> (String, BaseName, BaseFormat) {
    let named = configuration.disks.roots + [configuration.disks.path]
    return try await files.run {
      // As they are named and as they are: a header may hold either.
      let roots = named + named.compactMap { FileStatus.resolved($0) }
      // Without symbolic links: a relative name is looked for beside the file itself.
      guard let first = FileStatus.resolved(overlay) else {
        throw SlipwayError(.diskNotFound, "there is no disk at \(overlay)", object: overlay, hint: "check the path given with --for")
      }
      let bases = try FileStatus.of(store.basesPath)
      var path = first
      // Longer chains than QEMU opens are no chains.
      for _ in 0..<200 {
        let file = try File.open(path, under: path == first ? nil : roots)
        defer { try? file.close() }
        let head = try Self.head(of: file)
        guard let reference = try BackingReference.read(head, object: path) else {
          throw SlipwayError(
            path == first ? .usage : .baseNotFound,
            path == first ? "\(path) has no backing file, so it needs no base" : "\(first) stands on \(path), which stands on no base",
            object: path)
        }
        let place = try BackingPlace.judge(reference, of: path, store: store.basesPath, roots: roots, name: store.layout.name) {
          directory in
          if directory == store.basesPath { return true }
          // Seen through a symbolic link or bind mount, it still is the store.
          guard let bases, let status = try? FileStatus.of(directory) else { return false }
          return status.isSameFile(as: bases)
        }
        switch place {
        case .base(let name, let format): return (first, name, format)
        case .disk(let next): path = next
        }
      }
      throw SlipwayError(.formatRefused, "the backing files of \(first) never end", object: first)
    }
  }

  /// The first bytes: enough for every header that QEMU reads.
  static func head(of file: File) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(min(try file.size(), 2 << 20)))
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return Array(bytes.prefix(count))
  }

  /// The base when it is here and is what the disk needs; nil when it is absent.
  func present(
    _ name: BaseName, _ format: BaseFormat, _ overlay: String, _ store: Store, _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> FetchAnswer? {
    let record: BaseRecord
    switch try await store.state(of: name) {
    // What nova-compute made is proved by the image's bytes, as if it was not here, and kept.
    case .absent, .foreign: return nil
    case .ready(let ready): record = ready
    case .damaged(let reason):
      throw SlipwayError(
        .baseDamaged, "\(store.path(of: name)) is damaged: \(reason)", object: store.path(of: name),
        hint: "see: slipway cache verify \(name)")
    case .newer(let reason): throw SlipwayError(.storeRefused, reason, object: store.path(of: name), hint: "update Slipway")
    case .unknown: throw SlipwayError(.notOurs, "\(store.path(of: name)) is no file of ours", object: store.path(of: name))
    }
    guard record.identity.format == format else {
      throw BackingPlace.mismatch(store.path(of: name), kept: record.identity.format, read: format, by: overlay)
    }
    try demand(of: record, object: name.text).judgeWithoutSource(record.evidence)
    try await judgeContent(record, store)
    await store.recordUse(name)
    return FetchAnswer(
      image: record.images.first?.text ?? record.source, path: store.path(of: name), record: record, route: nil,
      tally: ByteTally(virtual: record.virtualSize.bytes), duration: ContinuousClock.now - start)
  }

  /// A base whose bytes are of another format than its name says would be read wrongly by every disk on it. A look at its first bytes.
  private func judgeContent(_ record: BaseRecord, _ store: Store) async throws {
    let name = record.name
    let file = try await store.openBase(name)
    try await files.run {
      defer { try? file.close() }
      let head = try Self.head(of: file)
      let isQcow2 = head.starts(with: Array("QFI".utf8) + [0xFB])
      guard isQcow2 == (record.identity.format == .qcow2) else {
        throw SlipwayError(
          .formatMismatch,
          "\(store.path(of: name)) is \(isQcow2 ? "a qcow2" : "no qcow2"), and disks read it as \(record.identity.format.rawValue): guests would see other bytes",
          object: store.path(of: name), hint: "find the disks that use it, then move it out of the store")
      }
      let size = isQcow2 ? try Qcow2Header(parsing: head, object: file.path).virtualSize : try file.size()
      guard size == record.virtualSize.bytes else {
        throw SlipwayError(
          .baseDamaged, "\(store.path(of: name)) shows a guest \(size) bytes, and \(record.virtualSize.bytes) were published",
          object: store.path(of: name), hint: "see: slipway cache verify \(name)")
      }
    }
  }

  /// Protects the base until the time has passed. A pin that an operator set stays as it is when it holds longer.
  private func hold(
    _ name: BaseName, _ overlay: String, _ time: Duration, _ store: Store, _ context: RequestContext
  ) async throws -> Int64? {
    let lease = try await store.lease(name, note: "base ensure for \(overlay)", context: context)
    defer { lease.release() }
    guard case .ready = try await store.state(of: name) else {
      throw SlipwayError(.baseNotFound, "there is no base \(store.path(of: name))", object: store.path(of: name))
    }
    return try await keep(name, for: time, note: "base ensure for \(overlay)", store).expires
  }

  /// Pins a base for so long. A pin that holds longer, or without end, stays as it is; the one that holds then.
  func keep(_ name: BaseName, for time: Duration, note: String, _ store: Store) async throws -> Pin {
    let until = Self.now + max(1, time.components.seconds)
    let earlier = try await store.pin(of: name)
    if let earlier, earlier.expires.map({ $0 >= until }) ?? true { return earlier }
    // The operator's words are kept for whoever finds the base pinned.
    let before = earlier?.note.flatMap { $0.hasPrefix(note) ? nil : "; before: \($0)" } ?? ""
    return try await store.pin(name, note: note + before, expires: until)
  }
}
