internal import Files
public import Model
public import Runtime

extension FileDisks {
  /// Deletes a disk of ours. An absent one is success (false); one that is being made is cancelled, waited for and removed.
  ///
  /// Throws `in_use` when a program holds locks on the file (QEMU does while it runs) or has it open, `not_ours` for a file that we did not make.
  public func delete(_ name: DiskName, context: RequestContext) async throws -> Bool {
    let disks = self
    let lock = try await acquireForDeletion(name, context)
    defer { lock.release() }
    // A scan for backing files, ours or a backup's, has a disk open for a moment; a machine that runs has it open for long.
    for _ in 0..<10 {
      guard try await workers.run({ try disks.isOpenElsewhere(name) }) else { break }
      try await Task.sleep(for: .milliseconds(150))
    }
    return try await workers.run {
      let deleted = try disks.remove(name)
      // Last, under the lock: who waits for it looks whether the file that he locked still is there, and makes a new one.
      _ = try disks.hidden.remove(disks.cancelName(name))
      _ = try disks.hidden.remove(Self.temporaryName(name))
      _ = try disks.hidden.remove(disks.lockName(name))
      return deleted
    }
  }

  private func isOpenElsewhere(_ name: DiskName) throws -> Bool {
    guard let sidecar = try sidecar(name), try present(sidecar) != nil else { return false }
    let file = try directory.openFile(Self.fileName(name, sidecar.record.request.target))
    defer { try? file.close() }
    return try file.takeWriteLease() == .inUse
  }

  private func remove(_ name: DiskName) throws -> Bool {
    guard var sidecar = try sidecar(name) else {
      for target in [Target.qcow2, .raw] where try directory.status(of: Self.fileName(name, target)) != nil {
        throw foreign(Self.fileName(name, target))
      }
      return false
    }
    let fileName = Self.fileName(name, sidecar.record.request.target)
    guard try present(sidecar) != nil else {
      _ = try hidden.remove(sidecarName(name))
      return false
    }
    let file = try directory.openFile(fileName)
    defer { try? file.close() }
    let used = try FileLock.isLocked(file) || file.takeWriteLease() == .inUse
    let path = "\(directory.path)/\(fileName)"
    guard !used else {
      throw SlipwayError(.inUse, "disk \(path) is in use by a running program", object: path, hint: "stop the machine that uses it")
    }
    // From here on nobody may take it for a disk, also when the removal is cut off.
    sidecar.state = .deleting
    try write(sidecar)
    _ = try directory.remove(fileName)
    try directory.sync()
    _ = try hidden.remove(sidecarName(name))
    return true
  }

  /// Takes the name's lock, asking whoever makes the disk to stop for as long as it is held.
  private func acquireForDeletion(_ name: DiskName, _ context: RequestContext) async throws -> HeldLock {
    let disks = self
    return try await FileLock.acquire(lockName(name), in: hidden, deadline: context.deadline, pool: workers) { _ in
      context.progress(Progress(phase: .waiting))
      disks.workers.submit { if let mark = try? disks.hidden.openOrCreateFile(disks.cancelName(name)) { try? mark.close() } }
    }
  }
}
