internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import OpenStack
internal import Runtime

/// Finishes an upload, or takes back what it made; under its claim.
struct UploadRecovery: Sendable {
  let agent: Agent
  let notes: UploadNotes
  let context: RequestContext

  /// After a failure, also once cancelled: nothing of it stays. What cannot be taken back now stays noted, and is the cleaner's.
  func undo(_ note: UploadNote, making: ImageMaking) async {
    var calm = context
    calm.deadline = .after(.seconds(60))
    let (again, making) = (UploadRecovery(agent: agent, notes: notes, context: calm), making.with(calm))
    await Task {
      do {
        try await again.takeBack(note, making: making, keepingEmpty: false)
      } catch {
        context.log(
          .warning, "an upload could not be taken back; cleaning will", ["image": note.image.text, "error": "\(error)"])
      }
    }.value
  }

  /// Goes on where another process ended: an image that is there is finished, all else taken back.
  func settle(_ note: UploadNote, making: ImageMaking, keepingEmpty: Bool) async throws {
    var note = note
    if note.stage == .registering {
      switch try await state(note, making) {
      case .active:
        note.stage = agent.configuration.upload.flatten == .never ? .linked : .flatten
        try await notes.write(note)
      case .underWay:
        throw SlipwayError(
          .imageNotReady, "the image service still looks at image \(note.image)", object: note.image.text, hint: "try again later")
      case .idle, nil: break
      }
    }
    switch note.stage {
    case .making, .registering: try await takeBack(note, making: making, keepingEmpty: keepingEmpty)
    case .flatten, .linked: break
    }
  }

  /// How far the image service is; nil when the image is gone. Throws where that cannot be known.
  private func state(_ note: UploadNote, _ making: ImageMaking) async throws -> RegistrationState? {
    do {
      return try await making.glance.registration(of: note.image, token: making.request.token, context: context)
    } catch let error as SlipwayError where error.code == .imageNotFound {
      guard note.isCallers, making.request.token == nil else { return nil }
      // It may be the caller's alone to see, and stand on the clone.
      throw SlipwayError(
        .imageNotReady, "image \(note.image) was made with a caller's token, and is not visible to our own credentials",
        object: note.image.text, hint: "give them a role that sees it, or look after its RBD image by hand")
    }
  }

  private func takeBack(_ note: UploadNote, making: ImageMaking, keepingEmpty: Bool) async throws {
    // The image first: what it stands on goes only when nobody can use it any more.
    if !keepingEmpty || note.stage == .registering {
      if note.stage == .registering { _ = try await state(note, making) }
      try await making.remove(mark: note.mark)
    }
    try await discardClone(note)
    if let id = note.source.imageID { try await releaseSource(note, id) }
    try await notes.forget(note.image)
  }

  /// Removes the clone that nobody but us knows of.
  func discardClone(_ note: UploadNote) async throws {
    guard let clone = note.clone, let maker = note.maker else { return }
    try await withTarget(clone) { try await ImageClone.discard(clone.image, madeBy: maker, in: $0) }
  }

  /// Takes the snapshot from the disk, and the note: all is done. One that still has clones stays noted.
  func finish(_ note: UploadNote) async throws {
    if let id = note.source.imageID {
      guard try await releaseSource(note, id) else { return }
    }
    try await notes.forget(note.image)
  }

  @discardableResult
  private func releaseSource(_ note: UploadNote, _ id: String) async throws -> Bool {
    let settings = try agent.clusters.configured(agent.configuration.disks.cluster)
    let cluster = try await agent.clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    return try await agent.withPools([note.source.pool], of: cluster) { pools in
      // A pool of that name that is another by now has nothing of ours.
      guard pools[0].id == note.source.poolID else { return true }
      return try await ImageClone.release(note.snapshot, of: id, in: pools[0])
    }
  }

  /// Runs `body` on the pool of the clone, as the user who may write it.
  func withTarget<Value: Sendable>(_ clone: UploadNote.Place, _ body: (Pool) async throws -> Value) async throws -> Value {
    let settings = try agent.clusters.configured(agent.configuration.disks.cluster)
    // A base lies where the disks' user writes.
    let isBase = agent.configuration.bases.tiers.contains { $0.pool == clone.pool }
    guard let user = isBase ? settings.user : settings.uploadUser else {
      throw SlipwayError(
        .configuration, "cluster '\(settings.name)' has no upload_user any more, and '\(clone.path)' is its work", object: clone.path,
        hint: "configure upload_user again")
    }
    let cluster = try await agent.clusters.connect(settings.name, as: user, deadline: context.deadline)
    return try await agent.withPools([clone.pool], of: cluster) { pools in
      guard pools[0].id == clone.poolID else {
        throw SlipwayError(.sourceNotFound, "pool '\(clone.pool)' is another one by now", object: clone.pool)
      }
      return try await body(pools[0])
    }
  }
}

extension ImageMaking {
  /// The same in another context.
  func with(_ context: RequestContext) -> ImageMaking {
    ImageMaking(agent: agent, glance: glance, request: request, id: id, identity: identity, context: context)
  }
}
