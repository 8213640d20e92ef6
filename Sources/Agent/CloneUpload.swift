internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import OpenStack
internal import Runtime
internal import Transfer
internal import Transports

/// A disk's snapshot becomes an image without its bytes being moved: a clone in the image service's pool, whose location it is given.
struct CloneUpload: Sendable {
  enum Outcome {
    case made(Digest?, UploadAnswer.Flatten)
    /// It cannot be; what was made is taken back, and the bytes may be sent instead.
    case refused(Reason, String)
  }

  let upload: RBDUpload
  let making: ImageMaking
  let taken: UploadSnapshot
  /// The image service's pool.
  let target: String
  let recovery: UploadRecovery
  let lease: ObjectLease

  private var agent: Agent { upload.agent }
  private var context: RequestContext { upload.context }

  /// The location that the image service is given.
  func location(_ id: ImageID) -> String { place(id).url }

  private func place(_ id: ImageID) -> RBDLocation {
    RBDLocation(fsid: taken.location.fsid, pool: target, image: id.text, snapshot: ImageClone.snapshot)
  }

  func run(_ note: inout UploadNote) async throws -> Outcome {
    guard let user = upload.settings.uploadUser else { return .refused(.noUploadUser, "no upload_user") }
    let writer = try await agent.clusters.connect(upload.settings.name, as: user, deadline: context.deadline)
    var now = note
    do {
      let outcome = try await agent.withPools([target, taken.location.pool], of: writer) { pools in
        try await run(&now, in: pools[0], from: pools[1], writer)
      }
      note = now
      return outcome
    } catch let error as SlipwayError where error.code == .permissionDenied && now.stage == .making {
      note = now
      try await takeBack(&note)
      return .refused(.permissionDenied, "client.\(user) may not: \(error.message)")
    } catch {
      note = now
      throw error
    }
  }

  private func run(_ note: inout UploadNote, in images: Pool, from parent: Pool, _ writer: Cluster) async throws -> Outcome {
    let id = note.image
    note.clone = UploadNote.Place(pool: images.name, poolID: images.id, image: id.text, imageID: nil)
    note.maker = writer.instance
    try await upload.notes.write(note)
    context.progress(Progress(phase: .cloning))
    let clone = try await ImageClone.clone(taken, from: parent, to: id.text, in: images)
    note.clone?.imageID = clone
    let isFreed = agent.configuration.upload.flatten == .before
    if isFreed {
      try await agent.flattens.take(1)
      defer { agent.flattens.give(1) }
      _ = try await ImageClone.flatten(id: clone, in: images, rate: nil, context: context)
    }
    try await ImageClone.seal(id.text, in: images)
    let digest = making.request.isHashed ? try await hashed(id, writer) : nil
    try await lease.check()
    note.stage = .registering
    try await upload.notes.write(note)
    if case .refused(let why) = try await upload.glance.register(
      location(id), digest: digest, for: id, token: making.request.token, context: context)
    {
      try await takeBack(&note)
      return .refused(.locationRefused, why)
    }
    guard try await making.waitUntilActive() else {
      try await takeBack(&note)
      return .refused(
        .locationRefused, "the image service gave the location up: its log says why, such as that it may not read pool '\(parent.name)'")
    }
    return .made(digest, try await settle(&note, isFreed: isFreed))
  }

  /// The image is there: what is left to do is noted.
  private func settle(_ note: inout UploadNote, isFreed: Bool) async throws -> UploadAnswer.Flatten {
    note.stage = agent.configuration.upload.flatten == .never ? .linked : .flatten
    if isFreed {
      try await recovery.finish(note)
      return .done
    }
    try await upload.notes.write(note)
    // With clones of format 2 the disk is free of it at once; with format 1 it goes when the clone stands alone.
    if try await !upload.pool.cluster.clonesNeedProtection() {
      try await ImageClone.release(note.snapshot, of: taken.imageID, in: upload.pool)
    }
    return note.stage == .linked ? .never : .pending
  }

  /// The SHA-512 of the very bytes that are registered.
  private func hashed(_ id: ImageID, _ writer: Cluster) async throws -> Digest {
    let source = try await RBDSource.open(place(id), in: writer)
    do {
      let digest = try DigestObserver(.sha512)
      var options = TransferOptions()
      options.objectSize = source.objectSize
      options.phase = .verifying
      try await agent.transfers.take(1)
      defer { agent.transfers.give(1) }
      _ = try await Transfer.run(
        from: source, to: NoSink(), observers: [digest], options: options, budget: agent.budget, workers: agent.data, context: context)
      await source.close()
      return try digest.result()
    } catch {
      await source.close()
      throw error
    }
  }

  /// Takes the clone back; the image stays, for its bytes to be sent.
  private func takeBack(_ note: inout UploadNote) async throws {
    try await recovery.discardClone(note)
    note.clone = nil
    note.maker = nil
    note.stage = .making
    try await upload.notes.write(note)
  }
}
