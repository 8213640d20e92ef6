public import Files
internal import Model
internal import Runtime

extension Store {
  private static let handoverName = "daemon.json"

  /// The lock that makes a daemon the store's only one; nil when another has it. Released with its last reference, at the latest with the process.
  public func daemonLock() async throws -> HeldLock? { try await pool.run { try FileLock.attempt("daemon.lock", in: self.locks) } }

  /// What a daemon left for the next one, nil when nothing.
  public func handover() async throws -> [UInt8]? { try await pool.run { try self.root.contents(of: Self.handoverName, limit: 1 << 20) } }

  /// Leaves `bytes` for the next daemon, which finds all of them or what was there before; nil leaves nothing.
  public func setHandover(_ bytes: [UInt8]?) async throws {
    try await pool.run {
      guard let bytes else {
        _ = try self.root.remove(Self.handoverName)
        return
      }
      let temporary = "\(Self.handoverName).\(UInt64.random(in: 0...UInt64.max))"
      try self.root.replace(Self.handoverName, with: bytes, mode: 0o600, temporary: temporary, in: self.root)
    }
  }
}
