public import Ceph
public import Model
public import Runtime

/// The snapshot that a disk is cloned from.
public struct CloneParent: Sendable {
  /// The parent's pool, opened with the disk user's credentials.
  public let pool: Pool
  /// The location.
  public let location: RBDLocation
  /// Size of the snapshot in bytes.
  public let size: Int64
  /// log2 of its object size.
  public let order: Int32
  /// How many ancestors the snapshot's image has.
  public let depth: Int
  /// fsid, pool id, image id and snapshot id that it must have (`RBDLocation` names it, and names are reused); nil for whatever is there.
  public let version: String?
  /// The format of the clone, nil for what the cluster's configuration says; of format 2 where the snapshot is removed afterwards.
  public let cloneFormat: UInt64?

  /// A parent.
  public init(
    pool: Pool, location: RBDLocation, size: Int64, order: Int32, version: String? = nil, depth: Int = 0, cloneFormat: UInt64? = nil
  ) {
    self.pool = pool
    self.location = location
    self.size = size
    self.order = order
    self.version = version
    self.depth = depth
    self.cloneFormat = cloneFormat
  }

  /// Throws `source_not_found` unless `clone` was made from the snapshot that it must be. Ids are never given anew, and a clone knows those of what it
  /// stands on.
  func prove(_ clone: Image) async throws {
    guard let version else { return }
    let under = try await clone.parent().map { "\(pool.cluster.fsid) \($0.poolID) \($0.imageID) \($0.snapshotID)" }
    guard under == version else {
      throw SlipwayError(.sourceNotFound, "snapshot \(location) was replaced while it was cloned", object: location.url, hint: "try again")
    }
  }
}

extension RBDDisks {
  /// Makes the disk that `record` describes by a copy-on-write clone of `parent`, all or nothing.
  ///
  /// The same request again answers `existing`; while another host or process makes it, this waits and joins. A request that differs is
  /// `name_conflict`; so is an image that we did not make. A size below the parent's is `size_too_small`, before anything is made.
  public func clone(_ record: DiskRecord, from parent: CloneParent, context: RequestContext) async throws -> (DiskInfo, DiskOutcome) {
    let name = record.name
    let path = "\(pool.name)/\(name)"
    guard record.request.size.bytes >= parent.size else {
      throw SlipwayError(
        .sizeTooSmall, "a disk of \(record.request.size.bytes) bytes is smaller than the image's \(parent.size)", object: name.text,
        hint: "ask for at least \(parent.size) bytes, or leave --size out")
    }
    let claim = try await RBDClaim.acquire(pool: pool, name: name, work: .create, request: record.request, context: context) { holder in
      context.progress(Progress(phase: .waiting))
      guard holder.work == .create, let theirs = holder.request, theirs != record.request else { return }
      throw record.conflict(at: path)
    }
    do {
      let result = try await make(record, parent, claim, context)
      if result.1 == .existing { await claim.release() }
      return result
    } catch {
      await end(claim, name, after: error)
      throw error
    }
  }

  private func make(
    _ record: DiskRecord, _ parent: CloneParent, _ claim: RBDClaim, _ context: RequestContext
  ) async throws -> (DiskInfo, DiskOutcome) {
    let path = "\(pool.name)/\(record.name)"
    if !claim.deadMakers.isEmpty, let found = try await clear(record, claim, context) { return (found, .existing) }
    context.progress(Progress(phase: .cloning))
    do {
      // librbd looks itself whether the name is taken, before it makes anything: most names are not.
      try await place(record.name, parent, context)
    } catch let error as SlipwayError where error.cephErrno == 17 {
      if let found = try await clear(record, claim, context) { return (found, .existing) }
      do {
        try await place(record.name, parent, context)
      } catch let error as SlipwayError where error.cephErrno == 17 {
        throw foreign(record.name)  // somebody else made it between our look and now: not ours to undo
      }
    }
    let made: DiskRecord
    do {
      made = try await finish(record, claim, parent, context)
    } catch {
      await rollBack(record.name, context)
      throw error
    }
    return (DiskInfo(record: made, state: .ready, path: path, size: record.request.size), .created)
  }

  /// Looks at what stands under the name: the disk that is asked for is answered, what a dead process left is removed, anything else is a conflict.
  private func clear(_ record: DiskRecord, _ claim: RBDClaim, _ context: RequestContext) async throws -> DiskInfo? {
    let name = record.name
    let path = "\(pool.name)/\(name)"
    switch try await occupant(name) {
    case .ours(let found, .ready, _, let size):
      guard found.request == record.request else { throw found.conflict(at: path) }
      return DiskInfo(record: found, state: .ready, path: path, size: ByteCount(size))
    case .ours(_, _, let id, _):
      // We hold the claim, so whoever was making or deleting it is gone.
      context.log(.notice, "removing what a dead process left half-made", ["disk": path, "image_id": id])
      try await removeLeftover(name, id: id, claim, context)
    case .foreign(let id):
      try await removeOrphan(name, id: id, claim: claim, context: context)
    case .nobody:
      if !claim.deadMakers.isEmpty { try await removeStub(name, claim, context) }
    }
    return nil
  }

  /// Clones the parent to `name`. A name that is taken is EEXIST, and nothing was made then.
  private func place(_ name: DiskName, _ parent: CloneParent, _ context: RequestContext) async throws {
    let features = pool.cluster.defaultFeatures
    let options = CloneOptions(
      features: features, order: max(parent.order, pool.cluster.defaultOrder), dataPool: dataPool, cloneFormat: parent.cloneFormat)
    try context.deadline.check("cloning to \(pool.name)/\(name)")
    do {
      try await TrashQueue(pool).freeing(name.text) {
        try await pool.clone(
          from: parent.pool, image: parent.location.image, snapshot: parent.location.snapshot, to: name.text, options: options)
      }
    } catch let error as SlipwayError {
      if error.cephErrno == 22 {
        throw SlipwayError(
          .notCloneable, "cannot clone \(parent.location): its snapshot is not protected and clone v1 rules here",
          object: parent.location.url,
          hint: "protect it: rbd snap protect \(parent.location)", cause: error)
      }
      if error.code == .timeout || error.code == .noSpace || error.code == .ioError { await rollBack(name, context) }
      throw error
    }
  }

  /// Writes the record, grows the disk and marks it ready, last. Returns the record as it was written, with the claim released.
  private func finish(
    _ record: DiskRecord, _ claim: RBDClaim, _ parent: CloneParent, _ context: RequestContext
  ) async throws -> DiskRecord {
    var record = record
    let image = try await pool.open(record.name.text, readOnly: false)
    do {
      guard Self.imageID(image.id, isOf: pool.cluster.instance) else {
        throw SlipwayError(
          .busy, "disk \(image.label) was made by another process while this one slept", object: image.label, hint: "try again")
      }
      try await parent.prove(image)
      record.imageID = image.id
      // Before the record: a clone inherits its parent's metadata, and a parent that was a disk of ours says "ready". To ask is cheaper than to
      // write, and a disk without a state is one that is being made.
      if try await image.metadata(Self.stateKey) != nil { try await image.setMetadata(Self.stateKey, DiskState.making.rawValue) }
      try await image.setMetadata(Self.recordKey, try RecordCoding.encode(record))
      // Before it grows: there is less to look at.
      if maxDepth > 0, parent.depth + 1 > maxDepth { try await flatten(image, context) }
      // The claim is renewed for a minute: it is still ours when the disk has grown, and renewing it takes as long.
      async let check: Void = claim.check()
      if record.request.size.bytes > image.size { try await image.resize(to: record.request.size) }
      try await check
      try await image.setMetadata(Self.stateKey, DiskState.ready.rawValue)
    } catch {
      await image.close()
      throw error
    }
    // librbd gives its own lock and its watch back in several steps: beside that.
    async let released: Void = claim.release()
    await image.close()
    await released
    return record
  }

  /// Every read of a hole asks each ancestor in turn, and each is one more image that cannot go. (Rule: Cinder `rbd_max_clone_depth`.)
  private func flatten(_ image: Image, _ context: RequestContext) async throws {
    context.log(.info, "flattening a disk with too many ancestors", ["disk": image.label])
    context.progress(Progress(phase: .converting))
    try await flattens?.take(1)
    defer { flattens?.give(1) }
    try await image.flatten { _, _ in true }
  }

  /// Takes back a clone of this call's own making, whatever happened to the task. The claim is still held, and the id tells it from any other.
  private func rollBack(_ name: DiskName, _ context: RequestContext) async {
    let disks = self
    await Task {
      do {
        switch try await disks.occupant(name) {
        case .nobody: return
        case .ours(_, _, let id, _), .foreign(let id):
          guard Self.imageID(id, isOf: disks.pool.cluster.instance) else { return }
          try await disks.pool.remove(name.text)
        }
      } catch {
        context.log(
          .error, "could not take back a clone; the next request for this name will",
          ["disk": "\(disks.pool.name)/\(name)", "error": "\(error)"])
      }
    }.value
  }
}
