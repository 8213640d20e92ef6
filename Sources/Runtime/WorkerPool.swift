internal import CLinux
internal import Glibc

/// Owned threads for work that blocks (file I/O, synchronous librbd calls) or computes for long (digests, decompression): Swift's
/// cooperative threads never do either. Jobs start in the order in which they came.
public final class WorkerPool: Sendable {
  private struct State {
    var jobs: [(@Sendable () -> Void)?] = []
    var head = 0
    var threads = 0
    var idle = 0
    var closed = false
  }

  /// The name, as `top -H` shows it (at most 15 bytes).
  public let name: String
  private let limit: Int
  private let lock: Locked<State>
  private let wake: Semaphore

  /// A pool of at most `threads` threads, made when first needed. Threads are detached and live as long as the pool.
  public init(name: String, threads: Int) {
    self.name = name
    limit = max(1, threads)
    lock = Locked(State())
    wake = Semaphore()
  }

  deinit { close() }

  /// Runs `body` on a thread of the pool and returns what it returns. A task that is already cancelled does not start; once started, the
  /// body runs to its end, since a blocking call cannot be taken back.
  public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let handoff = Handoff<Value>()
    submit { handoff.fulfill(Result { try body() }) }
    return try await handoff.value()
  }

  /// As `run`, but also once cancelled: for closing and cleaning up.
  public func runAlways<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    let handoff = Handoff<Value>()
    submit { handoff.fulfill(Result { try body() }) }
    return try await handoff.value()
  }

  /// As `run`, for calls that may hang in a C library beyond any timeout of theirs: after `deadline`, or when cancelled, the caller goes on
  /// with `timeout` (or `CancellationError`) and the thread is left to end by itself. The body must own all that it touches.
  public func run<Value: Sendable>(
    until deadline: Deadline, orThrow late: @autoclosure @escaping @Sendable () -> any Error, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try Task.checkCancellation()
    let handoff = Handoff<Value>()
    submit { handoff.fulfill(Result { try body() }) }
    let alarm = Task {
      try await deadline.sleep()
      handoff.fulfill(.failure(late()))
    }
    defer { alarm.cancel() }
    return try await handoff.value(cancellable: true)
  }

  /// Queues a job that reports by itself.
  public func submit(_ job: @escaping @Sendable () -> Void) {
    let start = lock.with { state -> Bool in
      state.jobs.append(job)
      // An idle thread that has a job on its way to it is spoken for.
      if state.jobs.count - state.head <= state.idle || state.threads >= limit { return false }
      state.threads += 1
      return true
    }
    if start { spawn() }
    wake.signal()
  }

  /// Lets the threads end after the jobs that are queued. A job that is submitted later still runs: something may be closed late.
  public func close() {
    let threads = lock.with { state -> Int in
      state.closed = true
      return state.threads
    }
    for _ in 0..<threads { wake.signal() }
  }

  private func spawn() {
    let lock = self.lock
    let wake = self.wake
    let started = Thread.detach(name: name) {
      while true {
        lock.with { $0.idle += 1 }
        wake.wait()
        let (job, ended) = lock.with { state -> ((@Sendable () -> Void)?, Bool) in
          state.idle -= 1
          guard state.head < state.jobs.count else {
            // No longer counted: a job that comes later gets a thread of its own.
            if state.closed { state.threads -= 1 }
            return (nil, state.closed)
          }
          let job = state.jobs[state.head]
          // A job owns memory that a budget counts: the queue must not keep it once it has run.
          state.jobs[state.head] = nil
          state.head += 1
          if state.head == state.jobs.count {
            state.jobs.removeAll(keepingCapacity: true)
            state.head = 0
          } else if state.head > 256 {
            state.jobs.removeFirst(state.head)
            state.head = 0
          }
          return (job, false)
        }
        if ended { return }
        job?()
        if lock.with({ $0.closed }) { wake.signal() }  // once more around, to end
      }
    }
    if !started { runHere() }
  }

  /// No thread to be had. Others of the pool will come to the job; where there are none it is done here rather than never.
  private func runHere() {
    let job = lock.with { state -> (@Sendable () -> Void)? in
      state.threads -= 1
      guard state.threads == 0, state.head < state.jobs.count else { return nil }
      let job = state.jobs[state.head]
      state.head += 1
      return job
    }
    job?()
  }
}

/// Starts detached threads; the one place that calls `pthread_create`.
public enum Thread {
  /// Runs `body` on a new detached thread called `name` (cut to 15 bytes). False when the system gives no thread; then nothing runs.
  @discardableResult
  public static func detach(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Start: Sendable {
      let name: String
      let body: @Sendable () -> Void
      init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
      }
    }
    let box = Unmanaged.passRetained(Start(String(name.prefix(15)), body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
        slipway_name_thread(start.name)
        start.body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}

/// A counting semaphore for owned threads (POSIX `sem_t`).
final class Semaphore: @unchecked Sendable {
  // Sendable by proof: sem_t is made for use by several threads; the pointer never changes.
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func signal() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}
