internal import CLinux

/// The one way in which an owned thread or a C callback gives a result to a task: resumed exactly once, annotated for ThreadSanitizer.
public final class Handoff<Value: Sendable>: Sendable {
  private enum State: Sendable {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case full(Result<Value, any Error>)
    case done
  }
  private let state = Locked<State>(.empty)

  /// A hand-off that nobody waits on yet.
  public init() {}

  /// Gives the result. Later calls change nothing, so a callback and a cancellation may race.
  public func fulfill(_ result: Result<Value, any Error>) {
    slipway_tsan_release(Unmanaged.passUnretained(self).toOpaque())
    let waiter = state.with { state -> CheckedContinuation<Value, any Error>? in
      switch state {
      case .empty:
        state = .full(result)
        return nil
      case .waiting(let continuation):
        state = .done
        return continuation
      case .full, .done: return nil
      }
    }
    waiter?.resume(with: result)
  }

  /// Waits for the result. One waiter only. With `cancellable`, a cancelled task stops waiting with `CancellationError` at once; the
  /// work behind the hand-off goes on, so use it only where that work owns all that it touches.
  public func value(cancellable: Bool = false) async throws -> Value {
    let result = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
        let ready = state.with { state -> Result<Value, any Error>? in
          switch state {
          case .empty:
            state = .waiting(continuation)
            return nil
          case .full(let result):
            state = .done
            return result
          case .waiting, .done:
            return .failure(CancellationError())
          }
        }
        if let ready { continuation.resume(with: ready) }
      }
    } onCancel: {
      if cancellable { fulfill(.failure(CancellationError())) }
    }
    slipway_tsan_acquire(Unmanaged.passUnretained(self).toOpaque())
    return result
  }
}
