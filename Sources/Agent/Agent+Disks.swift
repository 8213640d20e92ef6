internal import ImageTrust
internal import Configuration
internal import ImageStore
internal import Ceph
public import Disks
internal import Files
public import Model
internal import Planner
public import Runtime
internal import Transfer
internal import Transports

/// A disk that stands, and how it came to be.
public struct DiskAnswer: Sendable {
  /// The disk.
  public let info: DiskInfo
  /// Whether it was made now.
  public let outcome: DiskOutcome
  /// The way by which bytes came now; nil where a base was there already.
  public let route: Route?
  /// How long it took.
  public let duration: Duration
}

extension Agent {
  /// Makes a disk of an image. The same request again answers the same disk; see the kinds of disks for joining and conflicts.
  public func createDisk(
    _ name: DiskName, from request: ImageRequest, target: Target?, size: ByteCount?, context: RequestContext
  ) async throws -> DiskAnswer {
    let start = ContinuousClock.now
    let target = target ?? configuration.disks.target
    switch try await resolve(request, context) {
    case .cachedOnly(let id, let error):
      guard target != .rbd, let record = try await cached(id, Self.format(for: target, configuration), request, context) else {
        throw error
      }
      let path = try await store(context).path(of: record.name)
      let base = FetchAnswer(
        image: id.text, path: path, record: record, route: nil, tally: ByteTally(virtual: record.virtualSize.bytes), duration: .zero)
      return try await leasing("disk \(name)", context) {
        base
      } _: { base in
        try await diskOn(base, name, target, size, nil, start, context)
      }
    case .image(let image):
      if target == .rbd { return try await clone(name, image, size, start, context) }
      try Self.judgeSize(image, size)
      return try await leasing("disk \(name)", context) {
        try await base(image, Self.format(for: target, configuration), start, context)
      } _: { base in
        try await diskOn(base, name, target, size, image, start, context)
      }
    }
  }

  /// Refuses, before anything is moved, a size that is known to be too small: below the image's virtual size or its `min_disk`.
  static func judgeSize(_ image: ResolvedImage, _ size: ByteCount?) throws(SlipwayError) {
    let description = image.description
    let known = description.knownVirtualSize
    if let size, let known, size < known {
      throw SlipwayError(
        .sizeTooSmall, "a disk of \(size) (\(size.bytes) bytes) is smaller than image \(image.key), which has \(known) (\(known.bytes))",
        object: image.key,
        hint: "ask for at least \(known.bytes) bytes, or leave --size out")
    }
    let minimum = ByteCount.gib(description.minDiskGiB)
    if let effective = size ?? known, effective < minimum {
      throw SlipwayError(
        .belowMinDisk, "a disk of \(effective) is below the min_disk of image \(image.key), \(description.minDiskGiB) GiB",
        object: image.key, hint: "ask for at least \(description.minDiskGiB)G with --size")
    }
  }

  /// A copy-on-write clone in the disks' pool, from the first location that can be cloned.
  private func clone(
    _ name: DiskName, _ image: ResolvedImage, _ size: ByteCount?, _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> DiskAnswer {
    let demand = try image.demand(configuration)
    try demand.judge(isPending: image.description.digestPending)
    let settings = try clusters.configured(configuration.disks.cluster)
    var planner = RoutePlanner(planRequest(image, target: .rbd, baseOnly: false, size: size, mode: .spawn))
    var last: SlipwayError?
    var (image, isCopied) = (image, false)
    while true {
      let plan = try await drive(&planner, context)
      if let choice = planner.choice, choice.route == .storeCopy {
        guard !isCopied else {
          planner.fail(choice, .snapshotMissing, "the image service's copy of image \(image.key) cannot be cloned either")
          continue
        }
        image = try await copiedToStore(image, context)
        isCopied = true
        planner = RoutePlanner(planRequest(image, target: .rbd, baseOnly: false, size: size, mode: .spawn))
        continue
      }
      if planner.choice?.route == .baseClone { return try await cloneOfBase(name, image, demand, size, start, context) }
      if let choice = planner.choice, choice.route == .cinderClone {
        do {
          return try await cloneOfVolume(name, image, choice, size, start, context)
        } catch let error as SlipwayError where error.code == .sourceNotFound || error.code == .inUse {
          // It went, or has as many clones as an image can bear.
          last = error
          planner.fail(choice, error.code == .inUse ? .volumeNotReady : .sourceMissing, error.message)
          continue
        }
      }
      guard let choice = planner.choice, let location = choice.rbd, let facts = choice.facts, let parentSize = facts.size else {
        throw last ?? outcomeError(plan, planner) ?? noRoute(image)
      }
      try Self.judgeClone(image)
      try image.rule.judge(virtualSize: parentSize, of: image.key)
      var record = DiskRecord(
        name: name, request: DiskRequest(image: image.requestKey, target: .rbd, size: size ?? parentSize),
        route: isCopied ? .storeCopy : choice.route,
        source: choice.location?.description, base: nil, created: Self.timestamp())
      do {
        record.evidence = try await prove(choice, image, demand, context)
        let disks = try await rbdDisks(context)
        let (info, outcome) = try await cloned(record, location, parentSize, facts, disks, settings.user, context)
        return DiskAnswer(info: info, outcome: outcome, route: record.route, duration: ContinuousClock.now - start)
      } catch let error as SlipwayError where error.code == .sourceNotFound || error.code == .notCloneable {
        // The snapshot went, or lost its protection, since it was looked at.
        last = error
        planner.fail(choice, error.code == .sourceNotFound ? .snapshotMissing : .snapshotNotProtected, error.message)
      }
    }
  }

  private func cloned(
    _ record: DiskRecord, _ location: RBDLocation, _ size: ByteCount, _ facts: ProbeFacts, _ disks: RBDDisks, _ user: String,
    _ context: RequestContext
  ) async throws -> (DiskInfo, DiskOutcome) {
    do {
      let images = try await disks.pool.cluster.pool(location.pool)
      do {
        let parent = CloneParent(
          pool: images, location: location, size: size.bytes, order: Int32(facts.objectOrder ?? 22), version: facts.version,
          depth: facts.depth)
        let result = try await disks.clone(record, from: parent, context: context)
        await images.close()
        await disks.pool.close()
        return result
      } catch {
        await images.close()
        throw error
      }
    } catch {
      await disks.pool.close()
      throw error
    }
  }

  /// An overlay or a flat copy on a base that is here.
  private func diskOn(
    _ base: FetchAnswer, _ name: DiskName, _ target: Target, _ size: ByteCount?, _ image: ResolvedImage?, _ start: ContinuousClock.Instant,
    _ context: RequestContext
  ) async throws -> DiskAnswer {
    let virtual = base.record.virtualSize
    let size = size ?? virtual
    guard size >= virtual else {
      throw SlipwayError(
        .sizeTooSmall,
        "a disk of \(size) (\(size.bytes) bytes) is smaller than image \(base.image), which has \(virtual) (\(virtual.bytes))",
        object: base.image,
        hint: "ask for at least \(virtual.bytes) bytes, or leave --size out")
    }
    if let image {
      var known = image
      known.description.virtualSize = virtual
      try Self.judgeSize(known, size)
    }
    var record = DiskRecord(
      name: name, request: DiskRequest(image: image?.requestKey ?? base.image, target: target, size: size), route: base.record.route,
      source: base.record.source,
      base: base.path, created: Self.timestamp())
    record.evidence = base.record.evidence
    let disks = try await fileDisks()
    let (info, outcome): (DiskInfo, DiskOutcome)
    if target == .raw {
      let agent = self
      let store = try await store(context)
      (info, outcome) = try await disks.make(record, context: context) { file in
        let source = try await store.openBase(base.record.name)
        do {
          try await agent.copy(
            source, base.record.identity.format, to: file, in: disks.directory, size: size.bytes, context)
          _ = try await agent.files.runAlways { try source.close() }
        } catch {
          _ = try? await agent.files.runAlways { try source.close() }
          throw error
        }
      }
    } else {
      (info, outcome) = try await disks.makeOverlay(
        record, basePath: base.path, baseFormat: base.record.identity.format.rawValue, context: context)
    }
    return DiskAnswer(info: info, outcome: outcome, route: base.route, duration: ContinuousClock.now - start)
  }

  /// A flat copy: the base's blocks shared where the file system can, else its data copied and its holes kept; grown to `size`.
  private func copy(
    _ source: File, _ format: BaseFormat, to file: File, in directory: Directory, size: Int64, _ context: RequestContext
  ) async throws {
    if format == .raw, try await files.run({ try file.reflink(from: source) }) {
      try await files.run { try file.truncate(to: size) }
      return
    }
    let length = try await files.run {
      let (needed, space) = (try source.status().allocated, try directory.space())
      guard space.total == 0 || needed <= space.free else {
        throw SlipwayError(
          .noSpace, "\(directory.path) needs \(ByteCount(needed)) and its file system has \(ByteCount(space.free)) free",
          object: directory.path,
          hint: "free space there, or use --target qcow2")
      }
      return try source.size()
    }
    var options = TransferOptions()
    options.phase = .transferring
    // Some layouts keep a qcow2 image as it is.
    let bytes: any RandomAccessSource =
      format == .raw ? FileSource(source, size: length, workers: data) : try await Qcow2Source.open(source, size: length, workers: data)
    _ = try await Transfer.run(
      from: bytes, to: RawFileSink(file, workers: data), options: options, budget: budget,
      workers: data, context: context)
    try await files.run { try file.truncate(to: size) }
  }
}
