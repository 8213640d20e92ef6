internal import Files
public import Model
internal import Runtime

/// "You hold the base's lock", as a value: what changes a base takes it.
public final class BaseLock: Sendable {
  /// The base that is locked.
  public let name: BaseName
  private let held: HeldLock
  private let reporter: WorkReporter
  private let pool: WorkerPool

  init(name: BaseName, held: HeldLock, reporter: WorkReporter, pool: WorkerPool) {
    self.name = name
    self.held = held
    self.reporter = reporter
    self.pool = pool
  }

  deinit { release() }

  /// Lets the next one in. Releasing twice changes nothing; the last reference releases too.
  public func release() {
    reporter.close()
    held.release()
  }

  /// Tells those who wait, in other processes too, how far the work is. From any thread, as often as one likes; returns at once.
  public func report(_ progress: Progress) { reporter.report(progress) }

  /// Whether a spawn waits for this base, so that work for a lesser purpose should hurry. A look at one file.
  public func isUrgent() async throws -> Bool {
    try await pool.run { try self.reporter.isUrgent() }
  }

  /// Runs `action` once, as soon as a spawn is seen to wait (looked for four times per second, also while no work moves); never after `release`.
  public func whenUrgent(_ action: @escaping @Sendable () -> Void) {
    let reporter = self.reporter
    let pool = self.pool
    // Not cancelled by anyone: it ends with the lock.
    Task.detached {
      while !reporter.isClosed {
        if (try? await pool.run { try reporter.isUrgent() }) == true {
          if !reporter.isClosed { action() }
          return
        }
        try? await Task.sleep(for: .milliseconds(250))
      }
    }
  }

  /// Throws `busy` when someone removed the lock file, `internal` when it was released.
  func verify() throws(SlipwayError) { try held.verify() }
}
