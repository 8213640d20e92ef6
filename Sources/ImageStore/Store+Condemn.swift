internal import Files
internal import Model
internal import Runtime

extension Store {
  /// What the evidence beside a base says about it, whether it is marked as damaged or not: `ready` for a marked one, too.
  public func evidence(of name: BaseName) async throws -> BaseState {
    try await pool.run {
      guard let status = try self.bases.status(of: name.text) else { return .absent }
      guard status.kind == .regular else { return .unknown }
      return try self.evidenceNow(name, size: status.size)
    }
  }

  /// Takes a base out of use whose bytes are as they were published, and should never have been: into quarantine when nothing uses it, else by a mark
  /// that a verification against its block hashes does not take away. Throws as `evict`.
  public func condemn(
    _ lock: BaseLock, reason: String, isUsed: Bool, ownsSharedFileSystem: Bool = false
  ) async throws -> VerifyConsequence {
    try await markDamaged(lock, reason: reason, isLasting: true)
    if isUsed { return .marked(.inUse) }
    let outcome = try await quarantine(lock, reason: reason, ownsSharedFileSystem: ownsSharedFileSystem)
    if case .quarantined(let path) = outcome { return .quarantined(path) }
    return .marked(outcome)
  }

  /// Takes a mark of `condemn` away from a base that passes now; false when there is none.
  public func acquit(_ lock: BaseLock) async throws -> Bool {
    guard try await damage(of: lock.name)?.isLasting == true else { return false }
    return try await clearDamage(lock)
  }
}
