internal import Files
internal import Model
internal import Runtime

extension Store {
  /// Removes what crashed processes left behind: files in `tmp` with our names whose owner is gone, and sidecars whose base never came. Nothing
  /// else is touched. `open` does it; a daemon may do it again. The number of names removed.
  @discardableResult
  public func sweep() async throws -> Int {
    try await pool.run { self.sweepNow() }
  }

  @discardableResult
  func sweepNow() -> Int {
    var removed = 0
    for text in (try? temporary.names()) ?? [] {
      guard let name = TemporaryName(parsing: text), isAbandoned(name, text) else { continue }
      if removeLeftover(text) { removed += 1 }
    }
    return removed + sweepSidecars()
  }

  /// Whether nobody works on it: its owner is gone by name, and holds no lock (a process in another pid namespace looks gone, but holds one).
  func isAbandoned(_ name: TemporaryName, _ text: String) -> Bool {
    guard name.owner.liveness == .gone else { return false }
    guard let file = try? temporary.openFile(text) else { return false }
    defer { try? file.close() }
    return (try? FileLock.isLocked(file)) == false
  }

  @discardableResult
  func removeLeftover(_ text: String) -> Bool {
    do throws(SlipwayError) {
      return try temporary.remove(text)
    } catch {
      warn("a leftover stays: \(error)")
      return false
    }
  }

  private func sweepSidecars() -> Int {
    guard let sidecars = try? meta.names(), let present = try? Set(bases.names()) else { return 0 }
    var removed = 0
    for text in sidecars where text.hasSuffix(".json") {
      guard let name = BaseName(String(text.dropLast(5))), !present.contains(name.text) else { continue }
      do throws(SlipwayError) {
        // Someone may be between sidecar and link: that one holds the lock. Looked at again once it is ours.
        guard let held = try FileLock.attempt(name.lock, in: locks) else { continue }
        defer { held.release() }
        if try bases.status(of: name.text) == nil, try meta.remove(text) { removed += 1 }
      } catch {
        warn("a leftover stays: \(error)")
      }
    }
    return removed
  }

  /// Shrinks the promises of this process to what their files have not yet allocated.
  func refreshReservations() {
    for reservation in reservations.with({ Array($0.values) }) { try? reservation.update() }
  }
}
