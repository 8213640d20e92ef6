internal import Files
internal import Model
internal import Runtime

/// Writes `locks/<base>.work` for the holder of a lock, at most a few times per second, and looks whether a spawn waits.
final class WorkReporter: Sendable {
  private struct State {
    var isClosed = false
    var isWriting = false
    var hasFile = false
    var latest = Progress(phase: .planning)
    var written: (moment: ContinuousClock.Instant, progress: Progress)?
    var rate: Double?
  }

  /// The least time between two writes of one phase.
  static let interval = Duration.milliseconds(300)

  private let name: BaseName
  private let request: String
  private let locks: Directory
  private let temporary: Directory
  private let pool: WorkerPool
  private let clock: @Sendable () -> Int64
  private let state = Locked(State())

  init(name: BaseName, request: String, store: Store) {
    self.name = name
    self.request = request
    locks = store.locks
    temporary = store.temporary
    pool = store.pool
    clock = store.clock
  }

  var isClosed: Bool { state.with { $0.isClosed } }

  func report(_ progress: Progress) {
    let isDue = state.with { state -> Bool in
      state.latest = progress
      guard !state.isClosed, !state.isWriting else { return false }
      if let last = state.written, last.progress.phase == progress.phase, ContinuousClock.now - last.moment < Self.interval { return false }
      state.isWriting = true
      return true
    }
    if isDue { pool.submit { self.write() } }
  }

  /// No file is left, and none comes later.
  func close() {
    state.with { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      // Under the mutex, as the rename in `write`: after us nothing of ours may come into the next one's way.
      if state.hasFile { _ = try? locks.remove(name.work) }
    }
  }

  /// Whether a spawn waits for this base.
  func isUrgent() throws(SlipwayError) -> Bool {
    let file: File
    do throws(SlipwayError) {
      file = try locks.openFile(name.urgent)
    } catch {
      if error.errno == SystemError.notThere { return false }
      throw error
    }
    defer { try? file.close() }
    return try FileLock.isLocked(file)
  }

  private func write() {
    let status = state.with { state -> WorkStatus in
      let now = ContinuousClock.now
      let latest = state.latest
      if let last = state.written, last.progress.phase == latest.phase, latest.position >= last.progress.position {
        let speed = Double(latest.position - last.progress.position) / max(0.001, (now - last.moment) / .seconds(1))
        // Smoothed over about a second.
        state.rate = state.rate.map { $0 * 0.7 + speed * 0.3 } ?? speed
      } else {
        state.rate = nil
      }
      state.written = (now, latest)
      return WorkStatus(
        version: WorkStatus.currentVersion, owner: .current, request: request, phase: latest.phase, position: latest.position,
        total: latest.total, rate: state.rate.map { Int64($0) }, updated: clock())
    }
    publish(status)
    state.with { $0.isWriting = false }
  }

  /// Whole or not at all. Progress is a courtesy: what goes wrong here (no space) must not end the work.
  private func publish(_ status: WorkStatus) {
    let aside = TemporaryName(.json).text
    guard let bytes = try? StoreJSON.encode(status), let file = try? temporary.createFile(aside) else { return }
    let isWritten = (try? file.write(bytes, at: 0)) != nil
    try? file.close()
    let isThere = state.with { state -> Bool in
      guard isWritten, !state.isClosed, (try? temporary.rename(aside, to: name.work, in: locks, replacing: true)) != nil else {
        return false
      }
      state.hasFile = true
      return true
    }
    if !isThere { _ = try? temporary.remove(aside) }
  }
}
