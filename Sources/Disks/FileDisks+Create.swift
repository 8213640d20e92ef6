public import Files
internal import ImageFormats
internal import Model
public import Runtime

extension FileDisks {
  /// Makes the disk that `record` describes, all or nothing: `fill` writes its bytes into a file without a name, which gets its name when it
  /// is whole and synced.
  ///
  /// The same request again answers `existing`; while another task or process makes it, this waits and joins. Throws `name_conflict`,
  /// `not_ours`, what `fill` throws, and `cancelled` when the disk is deleted meanwhile.
  public func make(
    _ record: DiskRecord, context: RequestContext, fill: @escaping @Sendable (File) async throws -> Void
  ) async throws -> (DiskInfo, DiskOutcome) {
    let lock = try await FileLock.acquire(lockName(record.name), in: hidden, deadline: context.deadline, pool: workers) { _ in
      context.progress(Progress(phase: .waiting))
    }
    defer { lock.release() }
    let disks = self
    if let existing = try await workers.run({ try disks.prepare(record) }) { return (existing, .existing) }
    let file = try await workers.run { try disks.directory.createUnnamed(mode: 0o600, fallback: ".\(record.name).slipway-tmp") }
    do {
      try await disks.whileNotCancelled(record.name) { try await fill(file) }
      let info = try await workers.run { try disks.publish(record, file) }
      return (info, .created)
    } catch {
      let temporary = file.temporaryName
      _ = try? await workers.runAlways {
        try? file.close()
        if let temporary { _ = try? disks.directory.remove(temporary) }
        try disks.takeBack(record)
      }
      throw error
    }
  }

  /// An empty overlay of `size` bytes on a base: its header and tables are ours. The backing path is absolute and its format recorded.
  public func makeOverlay(
    _ record: DiskRecord, basePath: String, baseFormat: String, context: RequestContext
  ) async throws -> (DiskInfo, DiskOutcome) {
    let format: ImageFormat = baseFormat == "raw" ? .raw : .qcow2
    let overlay = try Qcow2Overlay(virtualSize: record.request.size.bytes, backingPath: basePath, backingFormat: format)
    let workers = workers
    return try await make(record, context: context) { file in
      try await workers.run {
        for write in overlay.writes { try file.write(write.bytes, at: write.offset) }
        try file.truncate(to: overlay.fileSize)
      }
    }
  }

  /// Under the lock: the disk if it is there and ours; else makes the way free of what a dead maker left.
  private func prepare(_ record: DiskRecord) throws -> DiskInfo? {
    let name = record.name
    _ = try hidden.remove(cancelName(name))
    if let sidecar = try sidecar(name) {
      let there = try present(sidecar) != nil
      if there, sidecar.state == .ready {
        guard sidecar.record.request == record.request else { throw sidecar.record.conflict(at: info(sidecar).path) }
        return info(sidecar)
      }
      if there { _ = try directory.remove(Self.fileName(name, sidecar.record.request.target)) }
      _ = try hidden.remove(sidecarName(name))
    }
    _ = try directory.remove(".\(name).slipway-tmp")
    for target in [Target.qcow2, .raw] where try directory.status(of: Self.fileName(name, target)) != nil {
      throw foreign(Self.fileName(name, target))
    }
    return nil
  }

  /// fsync → record (making) → link without replacing → fsync of the directory → record (ready), last.
  private func publish(_ record: DiskRecord, _ file: File) throws -> DiskInfo {
    try file.sync()
    let status = try file.status()
    var sidecar = Sidecar(record: record, state: .making, inode: status.inode, device: status.device)
    try write(sidecar)
    let name = Self.fileName(record.name, record.request.target)
    do {
      try directory.link(file, as: name, from: directory)
    } catch {
      if error.errno == 17 { throw foreign(name) }
      throw error
    }
    try directory.sync()
    sidecar.state = .ready
    try write(sidecar)
    try file.close()
    return info(sidecar)
  }

  /// Removes what this very making has left, and nothing else.
  private func takeBack(_ record: DiskRecord) throws {
    guard let sidecar = try sidecar(record.name), sidecar.record.nonce == record.nonce else { return }
    if try present(sidecar) != nil { _ = try directory.remove(Self.fileName(record.name, record.request.target)) }
    _ = try hidden.remove(sidecarName(record.name))
  }

  /// Runs `body` while watching for a deletion that wants the making to stop.
  private func whileNotCancelled(_ name: DiskName, _ body: @escaping @Sendable () async throws -> Void) async throws {
    let disks = self
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body()
        return true
      }
      group.addTask {
        while true {
          try await Task.sleep(for: .milliseconds(200))
          if try await disks.workers.run({ try disks.hidden.status(of: disks.cancelName(name)) }) != nil { return false }
        }
      }
      defer { group.cancelAll() }
      while let finished = try await group.next() {
        if finished { return }
        group.cancelAll()
        while (try? await group.next()) != nil {}
        throw SlipwayError(.cancelled, "the making of disk '\(name)' was cancelled by its deletion", object: name.text)
      }
    }
  }
}
