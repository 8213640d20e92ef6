internal import Files
internal import Model
internal import Runtime

extension Store {
  /// Mends and removes what crashed processes left behind: a base that was on its way out gets its name back; files in `tmp` and `leases` with our
  /// names whose owner is gone, and small files whose base never came, go. Nothing else is touched. A daemon and a cleaning do it now and then;
  /// `open` does it too, the last part only when somebody has died or an hour has passed. The number of names dealt with.
  @discardableResult
  public func sweep() async throws -> Int {
    try await pool.run { self.sweepNow() }
  }

  @discardableResult
  func sweepNow() -> Int {
    let count = sweepTemporary() + sweepCompanions() + sweepProtection()
    keepAlive()
    noteSweep()
    return count
  }

  /// What may be done at every start: with ten thousand bases, a look at all that lies beside them would cost a hit more than the rest of it.
  func sweepAtOpen() {
    guard sweepTemporary() > 0 || isSweepDue() else { return }
    sweepCompanions()
    sweepProtection()
    keepAlive()
    noteSweep()
  }

  private static let sweepMark = "swept"
  /// Seconds between two thorough sweeps.
  private static let sweepInterval: Int64 = 3600

  private func isSweepDue() -> Bool {
    guard let mark = try? locks.status(of: Self.sweepMark) else { return true }
    // Not `now()`: the mark's time is the system's. One from the future is a clock's that was moved back.
    let age = Store.systemTime() - mark.modified / 1_000_000_000
    return age < -1 || age > Self.sweepInterval
  }

  private func noteSweep() {
    do throws(SlipwayError) {
      let mark = try locks.openOrCreateFile(Self.sweepMark)
      try mark.write([UInt8(ascii: "x")], at: 0)
      try mark.close()
    } catch {
      warn("the next start sweeps again: \(error)")
    }
  }

  private func sweepTemporary() -> Int {
    var count = 0
    // Bases that were on their way out first: what lies beside them must not be taken for an orphan's.
    for text in (try? temporary.names()) ?? [] {
      guard let name = TemporaryName(parsing: text) else { continue }
      if let base = name.base {
        if name.kind == .evict, restore(text, name.owner, base) { count += 1 }
      } else if isAbandoned(name, text, in: temporary), removeLeftover(text, in: temporary) {
        count += 1
      }
    }
    for text in (try? leases.names()) ?? [] {
      guard let name = TemporaryName(parsing: text), name.kind == .lease, isAbandoned(name, text, in: leases) else { continue }
      if removeLeftover(text, in: leases) { count += 1 }
    }
    return count
  }

  /// Whether nobody works on it: its owner is gone by name, and holds no lock (a process in another pid namespace looks gone, but holds one).
  func isAbandoned(_ name: TemporaryName, _ text: String, in directory: Directory) -> Bool {
    guard name.owner.liveness == .gone else { return false }
    guard let file = try? directory.openFile(text) else { return false }
    defer { try? file.close() }
    return (try? FileLock.isLocked(file)) == false
  }

  @discardableResult
  func removeLeftover(_ text: String, in directory: Directory) -> Bool {
    do throws(SlipwayError) {
      return try directory.remove(text)
    } catch {
      warn("a leftover stays: \(error)")
      return false
    }
  }

  /// Puts a base back whose eviction ended with its process.
  private func restore(_ text: String, _ owner: ProcessOwner, _ base: BaseName) -> Bool {
    guard owner.liveness == .gone else { return false }
    do {
      // Whoever evicts holds the base's lock, in whatever pid namespace. Looked at again once it is ours.
      guard let held = try attemptLock(base) else { return false }
      defer { held.release() }
      guard try temporary.status(of: text) != nil else { return false }
      try putBack(text, base)
      return true
    } catch {
      warn("a base that was being removed was not put back: \(error)")
      return false
    }
  }

  /// Files in `meta` and `locks` whose base is not there. (Lock files stay: removing one would let two holders in.)
  @discardableResult
  private func sweepCompanions() -> Int {
    guard let asides = try? temporary.names(), let present = try? Set(bases.names()) else { return 0 }
    let leaving = Set(asides.compactMap { TemporaryName(parsing: $0)?.base })
    var removed = 0
    func sweep(_ directory: Directory, _ endings: Set<String>) {
      for text in (try? directory.names()) ?? [] {
        guard let name = layout.base(owning: text, endings: endings), !present.contains(name.text), !leaving.contains(name) else {
          continue
        }
        do throws(SlipwayError) {
          // Someone may be between sidecar and link: that one holds the lock. Looked at again once it is ours.
          guard let held = try attemptLock(name) else { continue }
          defer { held.release() }
          if try bases.status(of: name.text) == nil, try directory.remove(text) { removed += 1 }
        } catch {
          warn("a leftover stays: \(error)")
        }
      }
    }
    sweep(meta, ["json", "pin", "damage", "blocks"])
    sweep(locks, ["work"])
    return removed
  }

  /// Shrinks the promises of this process to what their files have not yet allocated.
  func refreshReservations() {
    for reservation in reservations.with({ Array($0.values) }) { try? reservation.update() }
  }
}
