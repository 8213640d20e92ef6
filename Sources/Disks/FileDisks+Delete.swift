internal import Files
public import Model
public import Runtime

extension FileDisks {
  /// Deletes a disk of ours. An absent one is success (false); one that is being made is cancelled, waited for and removed.
  ///
  /// Throws `in_use` when a program holds locks on the file (QEMU does while it runs), `not_ours` for a file that we did not make.
  public func delete(_ name: DiskName, context: RequestContext) async throws -> Bool {
    let disks = self
    let lock = try await acquireForDeletion(name, context)
    defer { lock.release() }
    return try await workers.run {
      _ = try disks.hidden.remove(disks.cancelName(name))
      guard var sidecar = try disks.sidecar(name) else {
        for target in [Target.qcow2, .raw] where try disks.directory.status(of: Self.fileName(name, target)) != nil {
          throw disks.foreign(Self.fileName(name, target))
        }
        return false
      }
      let fileName = Self.fileName(name, sidecar.record.request.target)
      guard try disks.present(sidecar) != nil else {
        _ = try disks.hidden.remove(disks.sidecarName(name))
        return false
      }
      let file = try disks.directory.openFile(fileName)
      let used: Bool
      do {
        used = try FileLock.isLocked(file)
        try file.close()
      } catch {
        try? file.close()
        throw error
      }
      let path = "\(disks.directory.path)/\(fileName)"
      guard !used else {
        throw SlipwayError(.inUse, "disk \(path) is in use by a running program", object: path, hint: "stop the machine that uses it")
      }
      // From here on nobody may take it for a disk, also when the removal is cut off.
      sidecar.state = .deleting
      try disks.write(sidecar)
      _ = try disks.directory.remove(fileName)
      try disks.directory.sync()
      _ = try disks.hidden.remove(disks.sidecarName(name))
      return sidecar.state == .deleting
    }
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
