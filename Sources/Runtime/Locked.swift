internal import Glibc

/// The one lock type: a value behind a pthread mutex, which ThreadSanitizer understands. Held for a few instructions, never across an `await`.
public final class Locked<State>: @unchecked Sendable {
  // Sendable by proof: `state` is touched only between lock and unlock of `mutex`, in `with`.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var state: State

  /// A lock around `initial`.
  public init(_ initial: sending State) {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    state = initial
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` with exclusive access to the value. Not re-entrant.
  public func with<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }
}
