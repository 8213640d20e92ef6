internal import Files
internal import Glibc
public import Model
internal import Runtime

extension Store {
  /// Makes a staged base visible, after its verdict: the layout's mode → fsync, and the block hashes meanwhile, if they were not taken during the writing →
  /// block hashes and sidecar with the evidence → link without replacing → fsync of the directory → immutable flag → catalog row. A base that is there already is kept and answered, with the staged
  /// one's images added to its sidecar. A damaged one is kept too: with the same bytes it gets the new evidence. In every case the staged file is
  /// used up; its lock stays the caller's.
  ///
  /// Throws `base_damaged` when other bytes lie under the name, `busy` when the lock was taken away, `no_space`, `io_error`.
  public func publish(_ staged: StagedBase, record: BaseRecord) async throws -> Published {
    do {
      // Side by side: one waits for the disk, the other for the processor.
      async let synced: Void = pool.run {
        try self.bases.adopt(staged.file, mode: self.layout.baseMode)
        self.giveToRoot(staged.file)
        try staged.file.sync()
      }
      let recorded = try await pool.run { try staged.recordedHashes() }
      let hashes: String
      if let recorded { hashes = recorded } else { hashes = try await takeHashes(of: staged.file, jobs: Store.hashers) }
      let published: Published
      do {
        try await synced
        published = try await pool.run { try self.publishNow(staged, record, hashes) }
      } catch {
        await discardHashes(hashes)
        throw error
      }
      await discardHashes(hashes)
      await staged.abandon()
      if published.isNew { tellChange() }
      return published
    } catch {
      await staged.abandon()
      throw error
    }
  }

  private func publishNow(_ staged: StagedBase, _ draft: BaseRecord, _ hashes: String) throws -> Published {
    guard draft.identity == staged.identity else {
      throw SlipwayError(.internalError, "the record of \(draft.name) is not that of \(staged.identity.name)")
    }
    let name = draft.name
    try staged.lock.verify()
    let status = try staged.file.status()
    var record = draft
    record.version = BaseRecord.currentVersion
    record.fileSize = ByteCount(status.size)
    record.allocated = ByteCount(status.allocated)
    record.created = now()
    switch try stateNow(name) {
    case .absent: break
    case .ready(var existing):
      try checkServes(existing, record.identity)
      if existing.add(record.images) { try writeSidecar(existing) }
      return Published(record: existing, path: path(of: name), isNew: false)
    case .newer(let reason): throw SlipwayError(.storeRefused, reason, object: path(of: name), hint: "update Slipway")
    case .foreign(let reason): return try adopt(name, record, staged, reason, hashes)
    case .damaged(let reason): return try adopt(name, record, staged, reason, hashes)
    case .unknown: throw differs(name, "it is no regular file")
    }
    if layout.sharing != nil { return try publishShared(name, record, staged, hashes) }
    try keepHashes(hashes, name)
    try writeSidecar(record, isIndexed: false)
    do {
      try bases.link(staged.file, as: name.text, from: temporary)
    } catch {
      // Evidence must not lie beside a file of someone else's.
      for text in [name.sidecar, name.blocks] { _ = try? meta.remove(text) }
      guard error.isNameTaken else { throw error }
      throw SlipwayError(
        .busy, "\(path(of: name)) appeared while its lock was held", object: path(of: name),
        hint: "see who writes into the store, and try again")
    }
    try bases.sync()
    makeImmutable(staged.file)
    index(name)
    return Published(record: record, path: path(of: name), isNew: true)
  }

  /// In a directory that is shared the link comes first: until the evidence is there too, the file passes for the other program's, and a fetch that
  /// was killed between the two is repaired by the next. Whoever was faster (Nova's own precaching takes no lock) has made the base.
  private func publishShared(_ name: BaseName, _ draft: BaseRecord, _ staged: StagedBase, _ hashes: String) throws -> Published {
    var record = draft
    do throws(SlipwayError) {
      try bases.link(staged.file, as: name.text, from: temporary)
    } catch {
      guard error.isNameTaken else { throw error }
      return try adopt(name, record, staged, "it appeared while its lock was held", hashes)
    }
    try bases.sync()
    touch(name)
    record.file = try bases.birthMark(of: name.text)
    try keepHashes(hashes, name)
    try writeSidecar(record)
    return Published(record: record, path: path(of: name), isNew: true)
  }

  /// A base without usable evidence keeps its name and bytes, since disks may grow from it; the same bytes, just verified, are its evidence.
  private func adopt(_ name: BaseName, _ record: BaseRecord, _ staged: StagedBase, _ reason: String, _ hashes: String) throws -> Published {
    let existing = try bases.openFile(name.text)
    defer { try? existing.close() }
    guard try Store.sameContent(existing, staged.file) else { throw differs(name, reason) }
    try existing.sync()
    var adopted = record
    adopted.allocated = ByteCount(try existing.status().allocated)
    if layout.sharing != nil {
      touch(name)
      adopted.file = try bases.birthMark(of: name.text)
      // What lies there may have been replaced since it was opened.
      guard let now = try bases.status(of: name.text), try existing.status().isSameFile(as: now) else {
        throw SlipwayError(.busy, "\(path(of: name)) was replaced while it was looked at", object: path(of: name), hint: "try again")
      }
      // Ours stays ours when only its evidence was lost to a mark.
      if case .ready(let known) = try evidenceNow(name, size: now.size), known.adopted != true {} else { adopted.adopted = true }
    }
    try keepHashes(hashes, name)
    _ = try clearDamageNow(name)
    try writeSidecar(adopted)
    protect(name, existing)
    return Published(record: adopted, path: path(of: name), isNew: false)
  }

  private func differs(_ name: BaseName, _ reason: String) -> SlipwayError {
    SlipwayError(
      .baseDamaged, "\(path(of: name)) is damaged (\(reason)) and other bytes than those just verified", object: path(of: name),
      hint: "find the disks that use it, then move it out of the store")
  }

  /// Adds an image to those that a base serves. Throws `base_not_found`, `base_damaged`, `busy` when the lock was taken away.
  public func noteImage(_ image: ImageID, lock: BaseLock) async throws -> BaseRecord {
    try await pool.run {
      try lock.verify()
      var record = try self.readyRecord(lock.name)
      if record.add([image]) { try self.writeSidecar(record) }
      return record
    }
  }

  /// The same size and the same bytes, read in blocks of 1 MiB.
  static func sameContent(_ one: File, _ other: File) throws(SlipwayError) -> Bool {
    let size = try one.size()
    guard try other.size() == size else { return false }
    let first = Buffer(capacity: 1 << 20)
    let second = Buffer(capacity: 1 << 20)
    var position: Int64 = 0
    while position < size {
      let count = Int(min(size - position, 1 << 20))
      let left = UnsafeMutableRawBufferPointer(rebasing: first.memory[..<count])
      let right = UnsafeMutableRawBufferPointer(rebasing: second.memory[..<count])
      try one.readExactly(into: left, at: position)
      try other.readExactly(into: right, at: position)
      if let a = left.baseAddress, let b = right.baseAddress, memcmp(a, b, count) != 0 { return false }
      position += Int64(count)
    }
    return true
  }

  /// Seconds since 1970 by the system's clock.
  static func systemTime() -> Int64 { Int64(time(nil)) }

  /// Seconds since 1970, as the store sees it.
  func now() -> Int64 { clock() }
}
