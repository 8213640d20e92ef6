internal import Configuration
internal import Disks
internal import Files
internal import LibvirtReport
internal import Model
internal import OpenStack
internal import Runtime
internal import Transfer
internal import Transports

/// The upload of a local disk that nobody runs on: its bytes are sent, an overlay's after it was put together with its base.
struct FileUpload: Sendable {
  let agent: Agent
  let request: UploadRequest
  let glance: GlanceClient
  let info: DiskInfo
  let start: ContinuousClock.Instant
  let context: RequestContext

  func run() async throws -> UploadAnswer {
    if request.quiesces, try await !agent.domains(using: info, context).filter(\.isActive).isEmpty { throw used }
    let disks = try await agent.fileDisks()
    let id = try request.id ?? RBDUpload.newID()
    let identity = try Agent.mark(request, source: "\(ProcessOwner.current.host):\(info.path) \(info.record.nonce)")
    let making = ImageMaking(agent: agent, glance: glance, request: request, id: id, identity: identity, context: context)
    return try await disks.reading(info.record.name, context: context) {
      try await agent.files.run { try UploadScratch.sweep(disks.directory) }
      return try await under(disks, making)
    }
  }

  private var used: SlipwayError {
    SlipwayError(
      .inUse, "disk \(info.path) is in use, and a local disk is uploaded only while it is not", object: info.path,
      hint: "stop the machine that uses it")
  }

  private func under(_ disks: FileDisks, _ making: ImageMaking) async throws -> UploadAnswer {
    let random = "\(UInt64.random(in: 0...UInt64.max))"
    var mark = random
    // Noted first, as with disks in RBD: cleaning removes the image of a process that died.
    try await disks.noteUpload(FileUploadNote(image: making.id, mark: mark, isCallers: request.token != nil))
    do {
      switch try await making.begin(mark: random) {
      case .existing(let image):
        try await disks.forgetUpload(making.id)
        return answer(image.id ?? making.id, size: image.size?.bytes ?? 0, ByteTally(), image.digest, isCreated: false)
      case .empty(let known):
        mark = known
        try await disks.noteUpload(FileUploadNote(image: making.id, mark: mark, isCallers: request.token != nil))
      }
      let (tally, digest) = try await send(disks, making)
      try await making.judge(size: tally.virtual, digest: digest)
      try await disks.forgetUpload(making.id)
      return answer(making.id, size: info.size.bytes, tally, digest, isCreated: true)
    } catch {
      var calm = context
      calm.deadline = .after(.seconds(60))
      let (again, mark) = (making.with(calm), mark)
      await Task {
        do {
          try await again.remove(mark: mark)
          try await disks.forgetUpload(again.id)
        } catch {
          context.log(
            .warning, "an image whose upload failed could not be removed; cleaning will", ["image": again.id.text, "error": "\(error)"])
        }
      }.value
      throw error
    }
  }

  private func send(_ disks: FileDisks, _ making: ImageMaking) async throws -> (ByteTally, Digest) {
    guard info.record.request.target == .qcow2 else { return try await send(info.path, making, verdict: true) }
    // Only QEMU reads a qcow2 that its own guest wrote, with all that it stands on.
    let path = disks.directory.path + "/" + UploadScratch.name()
    let files = agent.files
    do {
      context.progress(Progress(phase: .converting))
      try await QemuImg.run(
        ["convert", "-q", "-f", "qcow2", "-O", "raw", info.path, path], object: info.path, deadline: context.deadline, workers: files)
      let sent = try await send(path, making, verdict: false)
      _ = try? await files.runAlways { try Self.unlink(path, disks.directory) }
      return sent
    } catch {
      _ = try? await files.runAlways { try Self.unlink(path, disks.directory) }
      throw error
    }
  }

  private static func unlink(_ path: String, _ directory: Directory) throws {
    _ = try directory.remove(String(path.dropFirst(directory.path.count + 1)))
  }

  /// Sends a raw file; with `verdict` only if nobody wrote to it meanwhile.
  private func send(_ path: String, _ making: ImageMaking, verdict: Bool) async throws -> (ByteTally, Digest) {
    let files = agent.files
    let file = try await files.run { try File.open(path, under: nil) }
    do {
      let before = try await files.run { try file.status() }
      let store = request.store ?? agent.configuration.upload.store
      let source = FileSource(file, size: before.size, workers: agent.data)
      let proven: @Sendable () async throws -> Void = {
        if verdict { try await files.run { try FileSource.proveUnchanged(file, since: before) } }
      }
      let sent: (ByteTally, Digest)
      if request.format == .qcow2 {
        sent = try await agent.converted(source, objectSize: nil, context) { made in
          try await proven()
          return try await making.send(made, store: store, verdict: {})
        }
      } else {
        sent = try await making.send(source, store: store, verdict: proven)
      }
      _ = try? await files.runAlways { try file.close() }
      return sent
    } catch {
      _ = try? await files.runAlways { try file.close() }
      throw error
    }
  }

  private func answer(_ id: ImageID, size: Int64, _ tally: ByteTally, _ digest: Digest?, isCreated: Bool) -> UploadAnswer {
    UploadAnswer(
      image: id, source: info.path, route: .stream, reason: .notInRBD, detail: nil,
      store: request.store ?? agent.configuration.upload.store,
      location: nil, size: size, bytes: tally, digest: digest, consistency: isCreated ? .atRest : nil, flatten: nil, base: nil,
      isCreated: isCreated, duration: ContinuousClock.now - start)
  }
}
