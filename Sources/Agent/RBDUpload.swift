internal import Ceph
internal import Configuration
internal import Disks
internal import Foundation
internal import Model
internal import OpenStack
internal import Runtime

/// The upload of one RBD image, under the claim on the image's id.
struct RBDUpload: Sendable {
  let agent: Agent
  let request: UploadRequest
  let glance: GlanceClient
  let settings: Configuration.Cluster
  let plan: UploadPlan
  /// The pool of the disk, as the disks' user.
  let pool: Pool
  /// The RBD image's name.
  let name: String
  let notes: UploadNotes
  let start: ContinuousClock.Instant
  let context: RequestContext

  var path: String { "\(pool.name)/\(name)" }

  func run() async throws -> UploadAnswer {
    let found = try await ImageClone.look(name, in: pool)
    let id = try request.id ?? Self.newID()
    let note = UploadNote(
      image: id, mark: "\(UInt64.random(in: 0...UInt64.max))", isCallers: request.token != nil,
      source: UploadNote.Place(pool: pool.name, poolID: pool.id, image: name, imageID: found.id), snapshot: UploadNotes.snapshots + id.text,
      clone: nil, maker: nil, began: Agent.now)
    // Before the claim: its object would be nobody's, should this process die in between. An earlier attempt's note says more.
    if try await notes.note(id) == nil { try await notes.write(note) }
    let lease = try await notes.claim(id, context: context) { context.progress(Progress(phase: .waiting)) }
    do {
      let answer = try await under(lease, note, found.isOpen)
      await lease.release(removingObject: true)
      return answer
    } catch {
      // What could not be taken back is noted, and the cleaner's, who takes a claim of its own.
      await lease.release(removingObject: true)
      throw error
    }
  }

  private func under(_ lease: ObjectLease, _ note: UploadNote, _ isOpen: Bool) async throws -> UploadAnswer {
    var note = note
    let id = note.image
    let identity = try Agent.mark(request, source: "\(pool.cluster.fsid) \(pool.id) \(note.source.imageID ?? "")")
    let making = ImageMaking(agent: agent, glance: glance, request: request, id: id, identity: identity, context: context)
    let recovery = UploadRecovery(agent: agent, notes: notes, context: context)
    if let old = try await notes.note(id), old.mark != note.mark {
      // An image that an earlier attempt made is taken over; what lies in the pools is not.
      try await recovery.settle(old, making: making, keepingEmpty: true)
      if try await notes.note(id) != nil {
        // The image is there, and what is left to do for it stays noted.
        guard case .existing(let image) = try await making.begin(mark: note.mark) else {
          throw SlipwayError(.busy, "image \(id) is being made", object: id.text, hint: "try again")
        }
        return answer(id, .existing(image))
      }
    }
    try await notes.write(note)
    do {
      switch try await making.begin(mark: note.mark) {
      case .existing(let image):
        try await notes.forget(id)
        return answer(id, .existing(image))
      case .empty(let mark):
        if mark != note.mark {
          note.mark = mark
          try await notes.write(note)
        }
      }
      return try await make(&note, making, lease, recovery, isOpen)
    } catch {
      // A request that is another's leaves the other's image alone: its mark is not ours.
      await recovery.undo(note, making: making)
      throw error
    }
  }

  private func make(
    _ note: inout UploadNote, _ making: ImageMaking, _ lease: ObjectLease, _ recovery: UploadRecovery, _ isOpen: Bool
  ) async throws -> UploadAnswer {
    let (taken, consistency) = try await snapshot(note, isOpen)
    try await lease.check()
    var plan = plan
    if plan.reason == .ok, let target = plan.pool {
      let work = CloneUpload(upload: self, making: making, taken: taken, target: target, recovery: recovery, lease: lease)
      switch try await work.run(&note) {
      case .made(let digest, let flatten):
        return answer(note.image, .cloned(work.location(note.image), taken.size, digest, flatten, consistency))
      case .refused(let reason, let detail):
        context.log(.warning, "a disk is not uploaded by clone", ["disk": path, "reason": reason.rawValue, "detail": detail])
        plan.reason = reason
        plan.detail = detail
      }
    }
    let work = StreamUpload(upload: self, making: making, taken: taken)
    let done = try await work.run(&note)
    try await making.judge(size: done.tally.virtual, digest: done.digest)
    // From here on the image stays, whatever happens.
    note.stage = .flatten
    try await notes.write(note)
    let base = try await work.keepAsBase(&note, done)
    if base == nil { try await recovery.finish(note) }
    return answer(note.image, .streamed(plan, taken.size, done.tally, done.digest, base, consistency))
  }

  /// The snapshot that all is read from, with the guests' file systems frozen where that is asked for.
  private func snapshot(_ note: UploadNote, _ isOpen: Bool) async throws -> (UploadSnapshot, Consistency) {
    let domains = request.quiesces ? try await agent.domainsRunning(rbd: path, context) : []
    if request.quiesces, domains.isEmpty, isOpen {
      throw SlipwayError(
        .inUse, "\(path) is open, and by no domain of this host: its guest's agent cannot be asked", object: path,
        hint: "ask on the host where it runs, or leave --quiesce out")
    }
    let imageID = note.source.imageID ?? ""
    let taken = try await agent.withFrozen(domains, context) {
      try await ImageClone.take(note.snapshot, of: name, id: imageID, in: pool, holding: plan.reason != .ok)
    }
    return (taken, domains.isEmpty ? (taken.isOpen ? .crash : .atRest) : .quiesced)
  }

  // MARK: The answer

  private enum End {
    case existing(ImageDescription)
    case cloned(String, Int64, Digest?, UploadAnswer.Flatten, Consistency)
    case streamed(UploadPlan, Int64, ByteTally, Digest, String?, Consistency)
  }

  private func answer(_ id: ImageID, _ end: End) -> UploadAnswer {
    var answer = UploadAnswer(
      image: id, source: path, route: .clone, reason: .ok, store: plan.store?.id ?? plan.wanted, size: 0, bytes: ByteTally(),
      isCreated: true, duration: .zero)
    switch end {
    case .existing(let image):
      // What it was made by then is not asked of it.
      answer.route = plan.reason == .ok ? .clone : .stream
      (answer.reason, answer.detail) = (plan.reason, plan.detail)
      answer.size = image.size?.bytes ?? 0
      answer.digest = image.digest
      answer.isCreated = false
    case .cloned(let url, let size, let digest, let flatten, let consistency):
      answer.location = url
      answer.size = size
      answer.bytes = ByteTally(virtual: size)
      answer.digest = digest
      answer.flatten = flatten
      answer.consistency = consistency
    case .streamed(let plan, let size, let tally, let digest, let base, let consistency):
      answer.route = .stream
      (answer.reason, answer.detail) = (plan.reason, plan.detail)
      answer.size = size
      answer.bytes = tally
      answer.digest = digest
      answer.base = base
      answer.consistency = consistency
    }
    answer.duration = ContinuousClock.now - start
    return answer
  }

  static func newID() throws -> ImageID {
    guard let id = ImageID(UUID().uuidString) else { throw SlipwayError(.internalError, "no id could be made up") }
    return id
  }
}
