internal import Files
internal import ImageFormats
public import Model
public import Runtime

/// Changes of a disk's file that no machine runs on.
extension FileDisks {
  /// Makes a disk of ours larger; one that has that size already is answered.
  ///
  /// Throws `in_use` while a program has the file open (then its libvirt must be told instead), `size_too_small` for less than it has, `format_refused`
  /// for a qcow2 that only QEMU should change, `disk_not_found`.
  public func grow(_ name: DiskName, to size: ByteCount, context: RequestContext) async throws -> DiskInfo {
    try await changing(name, context) { sidecar, context in
      let disks = self
      try await untilUnused(name)
      return try await workers.run {
        let info = disks.info(sidecar)
        guard size >= info.size else { throw info.shrinks(to: size) }
        if size > info.size { try disks.grow(sidecar, to: size) }
        return disks.info(sidecar)
      }
    }
  }

  /// Makes an overlay of ours stand alone; false when it did already. `copy` brings what it has from its backing file into the file at that path, which
  /// keeps its backing file until all is copied. Throws as `grow`, and what `copy` throws.
  public func flatten(
    _ name: DiskName, context: RequestContext, copy: @escaping @Sendable (String) async throws -> Void
  ) async throws -> Bool {
    try await changing(name, context) { sidecar, context in
      let disks = self
      guard sidecar.record.request.target == .qcow2, try await disks.backing(of: disks.info(sidecar)).first != nil else { return false }
      try await untilUnused(name)
      try await copy(disks.info(sidecar).path)
      var alone = sidecar
      alone.record.base = nil
      let changed = alone
      try await workers.run { try disks.write(changed) }
      return true
    }
  }

  /// Notes that a disk stands alone by now: its running machine's QEMU has copied what it had from its base.
  public func noteFlattened(_ name: DiskName, context: RequestContext) async throws {
    try await changing(name, context) { sidecar, _ in
      var alone = sidecar
      alone.record.base = nil
      let (disks, changed) = (self, alone)
      try await workers.run { try disks.write(changed) }
    }
  }

  /// Runs `body` under the name's lock, on a disk that is ready.
  func changing<Value: Sendable>(
    _ name: DiskName, _ context: RequestContext, _ body: (Sidecar, RequestContext) async throws -> Value
  ) async throws -> Value {
    let disks = self
    _ = try await show(name)
    let lock = try await FileLock.acquire(lockName(name), in: hidden, deadline: context.deadline, pool: workers) { _ in
      context.progress(Progress(phase: .waiting))
    }
    defer { lock.release() }
    let sidecar = try await workers.run {
      guard let sidecar = try disks.sidecar(name), try disks.present(sidecar) != nil, sidecar.state == .ready else {
        throw SlipwayError(
          .diskNotFound, "there is no disk '\(name)' in \(disks.directory.path)", object: name.text, hint: "see: slipway disk list")
      }
      return sidecar
    }
    return try await body(sidecar, context)
  }

  /// Throws `in_use` when somebody has the disk open for longer than a scan for backing files has.
  func untilUnused(_ name: DiskName) async throws {
    let disks = self
    for attempt in 0..<10 {
      if try await !workers.run({ try disks.isUsed(name) }) { return }
      if attempt < 9 { try await Task.sleep(for: .milliseconds(150)) }
    }
    let path = try await show(name).path
    throw SlipwayError(
      .inUse, "disk \(path) is in use by a running program", object: path,
      hint: "stop the machine that uses it, or set libvirt.uri so that the machine can be told")
  }

  private func isUsed(_ name: DiskName) throws -> Bool {
    guard let sidecar = try sidecar(name), try present(sidecar) != nil else { return false }
    let file = try directory.openFile(Self.fileName(name, sidecar.record.request.target))
    defer { try? file.close() }
    return try FileLock.isLocked(file) || file.takeWriteLease() == .inUse
  }

  private func grow(_ sidecar: Sidecar, to size: ByteCount) throws {
    let file = try directory.openFile(Self.fileName(sidecar.record.name, sidecar.record.request.target), .readWrite)
    defer { try? file.close() }
    // Held until the end: whoever opens the file meanwhile waits for us.
    guard try file.takeWriteLease() != .inUse else {
      throw SlipwayError(
        .inUse, "disk \(file.path) is in use by a running program", object: file.path, hint: "stop the machine that uses it")
    }
    if sidecar.record.request.target == .raw {
      try file.truncate(to: size.bytes)
    } else {
      let growth = try Qcow2Growth(head: Self.head(of: file), to: size.bytes, object: file.path)
      if let entries = growth.entries {
        try file.write(entries.bytes, at: entries.offset)
        try file.sync()
      }
      try file.write(growth.header.bytes, at: growth.header.offset)
    }
    try file.sync()
  }

  /// The first bytes of a file: more than QEMU and we write into a header.
  static func head(of file: File) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Qcow2Header.window)
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
