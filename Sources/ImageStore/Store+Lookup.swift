public import Files
public import Model
internal import Runtime

extension Store {
  /// The base with this identity when it is ready, nil when it is absent. Throws `base_damaged` with the reason, `store_refused` for a newer
  /// sidecar: neither may be taken for a miss silently (ask `state` to go on regardless).
  public func lookup(_ identity: BaseIdentity) async throws -> BaseRecord? {
    try await pool.run {
      // Looked at once: an eviction may come between two looks.
      let state = try self.stateNow(identity.name)
      switch state {
      case .absent, .foreign: return nil
      default: break
      }
      let record = try self.readyRecord(identity.name, state)
      try self.checkServes(record, identity)
      return record
    }
  }

  /// Where names come from image ids alone, the base under one may be another than is wanted. Throws `base_damaged`, `digest_mismatch`.
  func checkServes(_ record: BaseRecord, _ wanted: BaseIdentity) throws(SlipwayError) {
    guard let sharing = layout.sharing, record.identity != wanted else { return }
    let path = self.path(of: wanted.name)
    guard record.identity.format == wanted.format else {
      throw SlipwayError(
        .baseDamaged,
        "\(path) is kept as \(record.identity.format.rawValue), and \(sharing.with) would make it \(wanted.format.rawValue) today",
        object: path,
        hint: "force_raw_images was changed: find the disks that use the base, then purge it")
    }
    if case .digest(let own) = record.identity.anchor, case .digest(let theirs) = wanted.anchor, own.algorithm == theirs.algorithm,
      own != theirs
    {
      throw SlipwayError(
        .digestMismatch, "\(path) was made from bytes with \(own), and the image has \(theirs) now", object: path,
        hint: "find the disks that use the base, then purge it and fetch the image again")
    }
  }

  /// What the directory says about a base.
  public func state(of name: BaseName) async throws -> BaseState {
    try await pool.run { try self.stateNow(name) }
  }

  /// Opens a base for reading. Throws `base_not_found`.
  public func openBase(_ name: BaseName) async throws -> File {
    try await pool.run { try self.bases.openFile(name.text, missing: .baseNotFound) }
  }

  /// The ready bases that serve an image, most recently used first. The catalog tells where to look, the directory what is there.
  public func find(imageID: ImageID) async throws -> [BaseRecord] {
    try await pool.run {
      let known = self.bases(serving: imageID)
      if !known.isEmpty { return known }
      // A crash between link and row, or another process's repair: the index is brought up to date once before "no" is said.
      self.reconcile()
      return self.bases(serving: imageID)
    }
  }

  private func bases(serving image: ImageID) -> [BaseRecord] {
    let names = indexing([]) { try catalog.names(serving: image) }
    return names.compactMap { (try? stateNow($0))?.record }.filter { $0.images.contains(image) }
  }

  /// Everything in `bases`, sorted by name, ours or not.
  public func list() async throws -> [StoreEntry] {
    try await pool.run {
      let usage = self.indexing([:]) { try self.catalog.usage() }
      return try self.bases.names().compactMap { text in
        // It may go while we look.
        guard let status = try self.bases.status(of: text) else { return nil }
        let name = self.layout.name(text)
        let state = try name.map { try self.stateNow($0) } ?? .unknown
        if state == .absent { return nil }
        return StoreEntry(
          name: text, path: "\(self.bases.path)/\(text)", state: state, size: ByteCount(status.size),
          allocated: ByteCount(status.allocated),
          usage: name.flatMap { usage[$0] })
      }
    }
  }

  /// How a base was used, nil when it is not known.
  public func usage(of name: BaseName) async throws -> BaseUsage? {
    try await pool.run { self.indexing([:]) { try self.catalog.usage(only: name) }[name] }
  }

  /// Records a hit, now. Cheap (no fsync), and never an error: a use that is not recorded is only a warning.
  public func recordUse(_ name: BaseName) async {
    _ = try? await pool.run {
      self.touch(name)
      let found = self.indexing(true) { try self.catalog.recordUse(name, at: self.now()) }
      guard !found else { return }
      self.index(name)
      _ = self.indexing(true) { try self.catalog.recordUse(name, at: self.now()) }
    }
  }
}
