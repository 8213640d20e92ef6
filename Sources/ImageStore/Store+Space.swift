internal import Files
internal import Runtime

extension Store {
  /// Bytes of the store's file system that may still be used (what is promised to transfers under way counts as used), and bytes in all; nil where
  /// the file system does not tell.
  public func space() async throws -> (free: Int64, total: Int64)? {
    try await pool.run {
      guard let room = try self.room() else { return nil }
      return (free: max(0, room.free - room.promised), total: try self.bases.space().total)
    }
  }

  /// Directories of ours in which no disk lies, though files in them look like disks.
  public var privateDirectories: [String] { [bases, meta, locks, leases, temporary, quarantine].map(\.path) }
}
