internal import CLinux
internal import Glibc
public import Model
public import Runtime

/// Locks between processes, and between tasks of one: an open-file-description lock on one lock file per thing (`F_OFD_SETLK`). The file
/// stays after the lock has been released, since removing it would let two holders in.
public enum FileLock {
  /// Takes the lock on `name` in `directory`, made with `mode` when missing, waiting until it is free. When the lock file was replaced meanwhile, the
  /// new one is locked. `onWait` is told how long we have waited, after every look that found it taken. Throws `timeout` after `deadline`,
  /// `CancellationError` when the task is cancelled.
  public static func acquire(
    _ name: String, in directory: Directory, mode: UInt32 = 0o600, deadline: Deadline, pool: WorkerPool,
    onWait: @escaping @Sendable (Duration) async -> Void = { _ in }
  ) async throws -> HeldLock {
    while true {
      let held = try await acquire(name, in: directory, mode: mode, deadline: deadline, pool: pool, onWait: onWait, unless: { false })
      if let held { return held }
    }
  }

  /// As above, but nil once `isDone` says that the lock is not needed any more; it is asked when the lock has become free, and now and then.
  ///
  /// A blocking wait (`F_OFD_SETLKW`) cannot be cancelled, so the kernel is asked to tell when the file is closed, and the lock is tried again then, and
  /// now and then all the same: from 80 ms to one second apart, a quarter of that where nothing is told.
  public static func acquire(
    _ name: String, in directory: Directory, mode: UInt32 = 0o600, deadline: Deadline, pool: WorkerPool,
    onWait: @escaping @Sendable (Duration) async -> Void = { _ in }, unless isDone: () async throws -> Bool
  ) async throws -> HeldLock? {
    let start = ContinuousClock.now
    var pause = Duration.milliseconds(80)
    var missed = 0
    while true {
      if let held = try await pool.run({ try attempt(name, in: directory, mode: mode) }) {
        // Nobody is there to release what a cancelled task was given.
        guard Task.isCancelled else { return held }
        held.release()
        throw CancellationError()
      }
      guard let waiting = try await pool.run({ try WaitingLock(name, in: directory) }) else { continue }
      defer { waiting.end() }
      var isTimely = true
      while true {
        let count = waiting.watch?.count ?? 0
        let look = try await pool.run { try waiting.look() }
        // Whoever waits is woken at the end, so little is asked before.
        if look != .taken || (isTimely && (waiting.watch == nil || pause == .seconds(1))), try await isDone() { return nil }
        if look != .taken {
          missed += 1
          try deadline.check("waiting for the lock \(directory.path)/\(name)")
          // Others were faster time and again, or the look and the lock do not agree: not worth a processor.
          if missed > 4 { try await Task.sleep(for: .milliseconds(20)) }
          break
        }
        if isTimely { await onWait(ContinuousClock.now - start) }
        try deadline.check("waiting for the lock \(directory.path)/\(name)")
        // Up to a quarter more or less, so that many waiters don't look in step.
        let jittered = pause * Double.random(in: 0.75...1.25) / (waiting.watch == nil ? 4 : 1)
        let time = deadline.remaining.map { min($0, jittered) } ?? jittered
        if let watch = waiting.watch {
          isTimely = try await !watch.wait(since: count, atMost: time)
        } else {
          try await Task.sleep(for: time)
        }
        if isTimely { pause = min(pause * 2, .seconds(1)) }
      }
    }
  }

  /// Takes the lock if it is free now; nil when somebody holds it. Blocks no longer than opening a file does. With `shared` any number may hold
  /// it beside each other, and none beside one who holds it alone.
  public static func attempt(
    _ name: String, in directory: Directory, mode: UInt32 = 0o600, shared: Bool = false
  ) throws(SlipwayError) -> HeldLock? {
    for _ in 0..<16 {
      let file = try directory.openOrCreateFile(name, mode: mode)
      guard try lock(file, shared: shared) else {
        try? file.close()
        return nil
      }
      let held = HeldLock(file, name: name, directory: directory)
      if try held.isStillThere() { return held }
      held.release()
    }
    throw SlipwayError(.busy, "the lock file \(directory.path)/\(name) is replaced again and again", object: "\(directory.path)/\(name)")
  }

  /// Takes the lock on an open file, if it is free now; it is released when the file is closed. For files that say "my owner lives" by being locked.
  public static func lock(_ file: File, shared: Bool = false) throws(SlipwayError) -> Bool {
    try file.descriptor.with { number throws(SlipwayError) in
      if slipway_ofd_lock(number, !shared) == 0 { return true }
      if errno == EAGAIN || errno == EACCES { return false }
      throw Attempt(verb: "lock", path: file.path).failure(errno)
    }
  }

  /// Whether another open file description holds a lock on the file. The file may be open for reading only. Implements
  /// `int fcntl(…, F_OFD_GETLK, …)`.
  public static func isLocked(_ file: File) throws(SlipwayError) -> Bool {
    try file.descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "ask for locks on", path: file.path)) { slipway_ofd_is_locked(number) } == 1
    }
  }
}

/// "You hold the lock", as a value to be passed on. Released by `release`, at the latest with the last reference.
public final class HeldLock: Sendable {
  /// The lock file's name.
  public let name: String
  private let file: File
  private let directory: Directory

  init(_ file: File, name: String, directory: Directory) {
    self.file = file
    self.name = name
    self.directory = directory
  }

  deinit { release() }

  /// Lets the next one in. Releasing twice changes nothing.
  public func release() {
    // Unlocked, not only closed: a child that is being spawned has a copy of the descriptor until it runs its program.
    _ = try? file.descriptor.with { slipway_ofd_unlock($0) }
    try? file.close()
  }

  /// Throws `busy` when the lock file was removed or replaced by someone else, so that another may hold the new one: to be asked before a step
  /// that must not happen twice. Throws `internal` once released.
  public func verify() throws(SlipwayError) {
    guard try isStillThere() else {
      throw SlipwayError(
        .busy, "the lock file \(file.path) was removed while it was held", object: file.path, hint: "leave lock files alone, and try again")
    }
  }

  func isStillThere() throws(SlipwayError) -> Bool {
    let ours = try file.status()
    guard let theirs = try directory.status(of: name) else { return false }
    return ours.isSameFile(as: theirs)
  }
}
