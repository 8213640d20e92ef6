internal import Files
internal import Glibc
internal import Model
public import Runtime

extension Store {
  /// Takes a base out of the store, unless something claims it. The protocol: refuse when pinned or leased → clear the immutable flag → write
  /// lease, which the kernel refuses while anyone has the file open → rename out of `bases` → look again at pins, leases and our own write lease
  /// (an opener between the grant and now has broken it, and waits) → unlink, else rename back. The bytes that came free are allocated ones.
  ///
  /// Throws `busy` when the lock was taken away; `io_error` and the like, the base back in its place.
  public func evict(_ lock: BaseLock, ownsSharedFileSystem: Bool = false) async throws -> EvictionOutcome {
    try await pool.run { try self.removeNow(lock, to: .nowhere, ownsSharedFileSystem) }
  }

  /// As `evict`, under a lock that is taken here (waiting until the context's deadline). Throws as `lock` too.
  public func purge(_ name: BaseName, ownsSharedFileSystem: Bool = false, context: RequestContext) async throws -> EvictionOutcome {
    let lock = try await lock(name, context: context)
    defer { lock.release() }
    return try await evict(lock, ownsSharedFileSystem: ownsSharedFileSystem)
  }

  /// Where a base goes that leaves `bases`.
  enum Goal {
    case nowhere
    case quarantine(reason: String)
  }

  /// Moments of an eviction at which a test steps in.
  enum EvictionStep: CaseIterable {
    case leased, renamed, gone
  }

  func removeNow(
    _ lock: BaseLock, to goal: Goal, _ ownsSharedFileSystem: Bool, at step: (EvictionStep) throws -> Void = { _ in }
  ) throws -> EvictionOutcome {
    try lock.verify()
    let name = lock.name
    guard let status = try bases.status(of: name.text) else { return .vanished }
    guard status.kind == .regular else { return .foreign }
    switch try evidenceNow(name, size: status.size) {
    case .newer: return .foreign
    case .foreign: if layout.sharing?.removesTheirs != true { return .foreign }
    case .ready(let record) where record.adopted == true: if layout.sharing?.removesTheirs != true { return .foreign }
    default: break
    }
    if sharedFileSystem != nil, !ownsSharedFileSystem { return .sharedFileSystem }
    if let claim = try claim(on: name) { return claim }
    let file = try bases.openFile(name.text)
    // The write lease ends here, at the latest: whoever waits in open(2) goes on.
    defer { try? file.close() }
    guard try file.status().isSameFile(as: status) else { return .inUse }
    let wasImmutable = try file.isImmutable()
    var isGone = false
    defer { if wasImmutable, !isGone { restoreFlag(file) } }
    if wasImmutable, try !allowed({ () throws(SlipwayError) in try file.setImmutable(false) }) { return .denied }
    switch try Self.writeLease(on: file) {
    case .granted: break
    case .inUse: return .inUse
    case .denied: return .denied
    case .unsupported: return .leaseUnsupported
    }
    try step(.leased)
    let aside = TemporaryName(.evict, of: name).text
    try bases.rename(name.text, to: aside, in: temporary)
    do {
      try step(.renamed)
      try lock.verify()
      if let claim = try claim(on: name) ?? (file.holdsWriteLease() ? nil : .inUse) {
        try putBack(aside, name)
        return claim
      }
      let outcome = try finish(goal, aside, name, file)
      isGone = true
      try step(.gone)
      forget(name)
      tellChange()
      return outcome
    } catch {
      // What has left for good (an error after that) is not there to be put back.
      if !isGone { try putBack(aside, name) }
      throw error
    }
  }

  /// Asks a few times: a child that this process is starting has a copy of the descriptor until it runs its program.
  private static func writeLease(on file: File) throws(SlipwayError) -> LeaseAttempt {
    for _ in 0..<5 {
      let attempt = try file.takeWriteLease()
      guard attempt == .inUse else { return attempt }
      usleep(2000)
    }
    return try file.takeWriteLease()
  }

  /// A pin or lease that holds.
  private func claim(on name: BaseName) throws(SlipwayError) -> EvictionOutcome? {
    if try pinNow(name) != nil { return .pinned }
    return try leasesNow(only: name).isEmpty ? nil : .leased
  }

  private func finish(_ goal: Goal, _ aside: String, _ name: BaseName, _ file: File) throws -> EvictionOutcome {
    let status = try file.status()
    switch goal {
    case .nowhere:
      try temporary.remove(aside)
      return .evicted(ByteCount(status.links > 1 ? 0 : status.allocated))
    case .quarantine(let reason):
      return .quarantined(try moveToQuarantine(aside, name, reason: reason))
    }
  }

  /// Removes what lies beside a base that has left. A crash before that leaves it to the sweep; so does a failure.
  private func forget(_ name: BaseName) {
    do throws(SlipwayError) {
      // In this order: after a power cut the base must not be back without its evidence.
      try bases.sync()
      try temporary.sync()
      for text in name.companions { try meta.remove(text) }
    } catch {
      warn("leftovers of \(name) stay for the next sweep: \(error)")
    }
    indexing(()) { try catalog.remove(name) }
  }

  /// Gives a base that was found or put aside its name back. If the name has been taken meanwhile, what lies there counts: the other one goes when
  /// it has the same bytes, and into quarantine when not.
  func putBack(_ aside: String, _ name: BaseName) throws {
    do throws(SlipwayError) {
      try temporary.rename(aside, to: name.text, in: bases)
      try bases.sync()
      return
    } catch {
      guard error.isNameTaken else { throw error }
    }
    let one = try temporary.openFile(aside)
    defer { try? one.close() }
    let other = try bases.openFile(name.text)
    defer { try? other.close() }
    if try Store.sameContent(one, other) {
      try temporary.remove(aside)
    } else {
      let path = try moveToQuarantine(aside, name, reason: "another base took its name while it was being removed")
      warn("\(self.path(of: name)) was made anew while it was being removed; the earlier one lies at \(path)")
    }
  }

  private func restoreFlag(_ file: File) {
    do throws(SlipwayError) { try file.setImmutable(true) } catch { warn("\(file.path) stays changeable: \(error)") }
  }

  /// False when it may not be done.
  private func allowed(_ body: () throws(SlipwayError) -> Bool) throws(SlipwayError) -> Bool {
    do throws(SlipwayError) {
      return try body()
    } catch {
      guard error.code == .permissionDenied else { throw error }
      return false
    }
  }
}
