internal import Ceph
internal import Configuration
internal import Disks
internal import Files
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Takes up what uploads have left, on RBD and beside the local disks. A place that cannot be looked into keeps nobody from cleaning the others, who
  /// tell of it.
  func finishUploads(dryRun: Bool, _ report: inout PoolCleanReport, _ context: RequestContext) async throws {
    do {
      try await finishFileUploads(dryRun: dryRun, &report, context)
    } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
      context.log(.warning, "uploads of local disks were not looked for", ["reason": error.message])
    }
    guard configuration.cluster(named: configuration.disks.cluster) != nil else { return }
    let disks: RBDDisks
    do {
      disks = try await rbdDisks(context)
    } catch let error as SlipwayError where error.code == .configuration {
      return
    }
    do {
      try await finishUploads(in: disks.pool, dryRun: dryRun, &report, context)
      await disks.pool.close()
    } catch {
      await disks.pool.close()
      throw error
    }
  }

  /// Finishes the uploads that are noted: frees images from their disks, takes snapshots away whose clones are gone, and takes back what dead processes
  /// left. Nothing that is not noted is touched; what somebody works on is left alone.
  private func finishUploads(in disks: Pool, dryRun: Bool, _ report: inout PoolCleanReport, _ context: RequestContext) async throws {
    let notes = UploadNotes(disks)
    for note in try await notes.all() {
      try context.deadline.check("uploads in pool '\(disks.name)' were finished")
      var upload = PoolCleanReport.Upload(
        image: note.image, source: note.source.path, stage: note.stage.rawValue, began: note.began, isDone: false, detail: nil)
      guard !dryRun else {
        report.uploads.append(upload)
        continue
      }
      do {
        switch try await finish(note, notes, context) {
        case .done: upload.isDone = true
        case .waits(let why): upload.detail = why
        case .gone: continue
        }
      } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
        upload.detail = error.message
      }
      report.uploads.append(upload)
    }
  }

  private enum Finish {
    case done
    case waits(String)
    case gone
  }
  private struct Held: Error {}

  private func finish(_ note: UploadNote, _ notes: UploadNotes, _ context: RequestContext) async throws -> Finish {
    let lease: ObjectLease
    do {
      lease = try await notes.claim(note.image, context: context) { throw Held() }
    } catch is Held {
      return .waits("somebody works on it")
    }
    do {
      let result = try await finish(under: lease, note.image, notes, context)
      await lease.release(removingObject: true)
      return result
    } catch {
      await lease.release(removingObject: true)
      throw error
    }
  }

  private func finish(under lease: ObjectLease, _ image: ImageID, _ notes: UploadNotes, _ context: RequestContext) async throws -> Finish {
    guard var note = try await notes.note(image) else { return .gone }
    let recovery = UploadRecovery(agent: self, notes: notes, context: context)
    if note.stage == .making || note.stage == .registering {
      let making = try await leftImage(note.image, context)
      try await recovery.settle(note, making: making, keepingEmpty: false)
      guard let now = try await notes.note(image) else { return .done }
      note = now
    }
    if let clone = note.clone {
      let stands = try await recovery.withTarget(clone) { pool -> Bool in
        guard let id = clone.imageID else { return false }
        if note.stage == .linked { return try await ImageClone.exists(id: id, in: pool) }
        try await flattens.take(1)
        defer { flattens.give(1) }
        context.log(.info, "freeing an image from its disk", ["image": clone.path, "disk": note.source.path])
        _ = try await ImageClone.flatten(id: id, in: pool, rate: configuration.upload.rate?.bytes, context: context)
        return false
      }
      if stands { return .waits("the image stands on its disk") }
    }
    try await lease.check()
    try await recovery.finish(note)
    return try await notes.note(image) == nil ? .done : .waits("its snapshot still has clones")
  }

  /// An image of a process that died, by our own credentials.
  private func leftImage(_ image: ImageID, _ context: RequestContext) async throws -> ImageMaking {
    ImageMaking(
      agent: self, glance: try await imageService(), request: UploadRequest(source: .image(pool: "", image: ""), name: ""), id: image,
      identity: "", context: context)
  }

  /// Removes the images that dead processes of this host began to make of local disks.
  private func finishFileUploads(dryRun: Bool, _ report: inout PoolCleanReport, _ context: RequestContext) async throws {
    let disks = try await fileDisks()
    for note in try await disks.deadUploads() {
      var upload = PoolCleanReport.Upload(
        image: note.image, source: disks.directory.path, stage: UploadNote.Stage.making.rawValue, began: nil, isDone: false, detail: nil)
      if !dryRun {
        do {
          try await leftImage(note.image, context).remove(mark: note.mark)
          try await disks.forgetUpload(note.image)
          upload.isDone = true
        } catch let error as SlipwayError where error.code != .cancelled && error.code != .timeout {
          upload.detail = error.message
        }
      }
      report.uploads.append(upload)
    }
    guard !dryRun else { return }
    let directory = disks.directory
    try await files.run { try UploadScratch.sweep(directory) }
  }
}
