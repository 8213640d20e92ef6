internal import Files
public import Model
public import Runtime

extension Store {
  /// Makes a temporary file for a base, after a look whether `reserve` bytes (what is expected to be written, not the virtual size) are free
  /// beside what is promised to other transfers of any process, and promises them. The lock stays the caller's to release.
  ///
  /// Throws `no_space` with path, needed and free; `internal` when the lock is another base's.
  public func stage(
    _ identity: BaseIdentity, reserve: ByteCount, lock: BaseLock, context: RequestContext
  ) async throws -> StagedBase {
    guard lock.name == identity.name else { throw SlipwayError(.internalError, "the lock of \(lock.name) is not that of \(identity.name)") }
    // Look and promise are one step, between processes too.
    let guardian = try await FileLock.acquire("space.lock", in: locks, deadline: context.deadline, pool: pool)
    defer { guardian.release() }
    return try await pool.run {
      try self.checkRoom(reserve.bytes)
      let name = TemporaryName(.part).text
      let file = try self.temporary.createUnnamed(mode: 0o600, fallback: name, unnamed: self.unnamed)
      do {
        // Locked while its owner lives: what a sweep in another pid namespace sees.
        if file.temporaryName != nil { _ = try FileLock.lock(file) }
        // Of nothing, too: its marker tells the next start that somebody died at work.
        let reservation = try Reservation(bytes: max(0, reserve.bytes), for: file, in: self.temporary, unnamed: self.unnamed)
        return StagedBase(identity: identity, file: file, lock: lock, store: self, reservation: reservation)
      } catch {
        if file.temporaryName != nil { _ = try? self.temporary.remove(name) }
        try? file.close()
        throw error
      }
    }
  }

  /// The bytes that a new transfer may count on: free ones minus those promised to transfers under way. Nil where the file system does not tell.
  public func available() async throws -> ByteCount? {
    try await pool.run { try self.room().map { ByteCount($0.free - $0.promised) } }
  }

  private func checkRoom(_ bytes: Int64) throws(SlipwayError) {
    guard bytes > 0, let room = try room(), room.free - room.promised < bytes else { return }
    let shared = room.promised > 0 ? ", \(ByteCount(room.promised)) of it promised to transfers under way" : ""
    throw SlipwayError(
      .noSpace, "the store \(path) needs \(ByteCount(bytes)) and its file system has \(ByteCount(room.free)) free\(shared)", object: path,
      hint: "free space or remove bases that nothing uses")
  }

  func room() throws(SlipwayError) -> (free: Int64, promised: Int64)? {
    let space = try bases.space()
    guard space.total > 0 else { return nil }
    refreshReservations()
    var promised: Int64 = 0
    for text in try temporary.names() {
      guard let name = TemporaryName(parsing: text), name.kind == .reserve, let status = try temporary.status(of: text) else { continue }
      if isAbandoned(name, text, in: temporary) {
        removeLeftover(text, in: temporary)
      } else {
        promised += status.size
      }
    }
    return (space.free, promised)
  }
}
