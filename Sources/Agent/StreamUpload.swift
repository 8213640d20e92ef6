internal import Ceph
internal import Configuration
internal import Disks
internal import Files
internal import ImageStore
internal import ImageTrust
internal import Model
internal import OpenStack
internal import PoolStore
internal import Runtime
internal import Transfer
internal import Transports

/// A disk's snapshot is read, and its bytes are sent to the image service: raw as they are, holes without being read, or as a qcow2.
struct StreamUpload: Sendable {
  struct Done: Sendable {
    /// What was sent; `virtual` is the size of what the image service got.
    var tally: ByteTally
    var digest: Digest
  }

  let upload: RBDUpload
  let making: ImageMaking
  let taken: UploadSnapshot

  private var agent: Agent { upload.agent }
  private var context: RequestContext { upload.context }

  func run(_ note: inout UploadNote) async throws -> Done {
    let source = try await RBDSource.open(taken.location, in: upload.pool.cluster)
    do {
      let done = try await send(source)
      await source.close()
      return done
    } catch {
      await source.close()
      throw error
    }
  }

  private func send(_ source: RBDSource) async throws -> Done {
    let (taken, pool) = (taken, upload.pool)
    let store = upload.plan.wanted
    // What was read of a snapshot that is gone by now would be zeros.
    let verdict: @Sendable () async throws -> Void = { try await ImageClone.prove(taken, in: pool) }
    guard making.request.format == .qcow2 else {
      let (tally, digest) = try await making.send(source, store: store, objectSize: source.objectSize, verdict: verdict)
      return Done(tally: tally, digest: digest)
    }
    return try await agent.converted(source, objectSize: source.objectSize, context) { file in
      try await verdict()
      let (tally, digest) = try await making.send(file, store: store, verdict: {})
      return Done(tally: tally, digest: digest)
    }
  }

  /// A disk that was uploaded as another format than raw holds the very bytes that a base of the new image would hold: its snapshot becomes that base,
  /// and the next disk of the image is a clone. Nil where there is no pool for bases here, or it did not work out.
  func keepAsBase(_ note: inout UploadNote, _ done: Done) async throws -> String? {
    let bases = agent.configuration.bases
    guard making.request.format != .raw, bases.cluster == upload.settings.name, agent.configuration.onNotCloneable == .fallback else {
      return nil
    }
    do {
      let image = try await making.glance.image(id: note.image, token: making.request.token, locations: false, context: context)
      var kept = note
      let resolved = agent.resolved(image)
      let base = try await agent.withPoolStore(try agent.tier(of: resolved), context) { store in
        let record = try agent.baseRecord(of: resolved, made: done, size: taken.size, source: upload.path)
        kept.clone = UploadNote.Place(pool: store.pool.name, poolID: store.pool.id, image: record.name.image, imageID: nil)
        try await upload.notes.write(kept)
        let (base, isMade) = try await store.base(
          record.name, for: note.image, context: context, accept: { _ in true }, renew: { base, _ in base.record.evidence },
          make: { draft in
            try await draft.adopt(taken.location, of: upload.pool, order: taken.order)
            return record
          })
        // One that was there is not ours to free.
        kept.clone =
          isMade
          ? UploadNote.Place(pool: store.pool.name, poolID: store.pool.id, image: base.name.image, imageID: base.record.imageID) : nil
        try await upload.notes.write(kept)
        return base
      }
      note = kept
      guard note.clone != nil else {
        try await UploadRecovery(agent: agent, notes: upload.notes, context: context).finish(note)
        return base.path
      }
      if try await !upload.pool.cluster.clonesNeedProtection() {
        try await ImageClone.release(note.snapshot, of: taken.imageID, in: upload.pool)
      }
      return base.path
    } catch {
      try Task.checkCancellation()
      context.log(.info, "the disk's snapshot does not become a base of its image", ["image": note.image.text, "reason": "\(error)"])
      return nil
    }
  }
}

extension Agent {
  /// Writes what a guest sees into a qcow2 without a name beside the disks, and runs `body` on it.
  func converted<Value: Sendable>(
    _ source: any RandomAccessSource, objectSize: Int64?, _ context: RequestContext, _ body: (FileSource) async throws -> Value
  ) async throws -> Value {
    let disks = try await fileDisks()
    let (directory, files) = (disks.directory, files)
    let name = UploadScratch.name()
    let file = try await files.run { try directory.createUnnamed(fallback: name) }
    do {
      var options = TransferOptions()
      options.objectSize = objectSize
      options.phase = .converting
      _ = try await Transfer.run(
        from: source, to: try Qcow2FileSink(file, virtualSize: source.size, workers: data), options: options, budget: budget, workers: data,
        context: context)
      let size = try await files.run { try file.size() }
      let value = try await body(FileSource(file, size: size, workers: data))
      await closed(file, directory, name)
      return value
    } catch {
      await closed(file, directory, name)
      throw error
    }
  }

  private func closed(_ file: File, _ directory: Directory, _ name: String) async {
    _ = try? await files.runAlways {
      _ = try? directory.remove(name)
      try file.close()
    }
  }

  /// An image of ours, under the policy that holds for it.
  fileprivate func resolved(_ image: ImageDescription) -> ResolvedImage {
    ResolvedImage(
      description: image, typed: false, digest: nil, token: nil, rule: policy.effective(owner: image.owner, stores: image.stores))
  }

  /// What a base holds that was not imported: the bytes that the image was made of.
  fileprivate func baseRecord(of resolved: ResolvedImage, made: StreamUpload.Done, size: Int64, source: String) throws -> PoolBaseRecord {
    let image = resolved.description
    guard let digest = image.digest, digest == made.digest, let identity = try identity(resolved, .raw, version: nil),
      let name = Self.poolName(identity)
    else {
      throw SlipwayError(.digestRequired, "image \(image.label) has no digest that names a base", object: image.label)
    }
    let evidence = Evidence(
      verdict: .matched, computed: made.digest, expected: digest, expectedFrom: "os_hash", sourceSize: ByteCount(made.tally.virtual),
      inspectedFormat: "qcow2", inspectedSubformat: "v3", verifiedAt: Self.timestamp(), inspectedVirtualSize: ByteCount(size),
      inspection: .accepted, policy: resolved.rule.evidence, verifiedBy: ProgramVersion.program)
    return PoolBaseRecord(
      name: name, sourceFormat: image.diskFormat ?? "qcow2", owner: identity.owner, image: image.id, imageName: image.name,
      virtualSize: ByteCount(size), source: source, route: .clone, evidence: evidence,
      tally: ByteTally(virtual: size, written: made.tally.virtual), created: Self.now)
  }
}
