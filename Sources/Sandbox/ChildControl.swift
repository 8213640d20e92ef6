internal import CLinux
internal import Runtime

/// Ends a child from outside, before it started or while it runs. From any thread.
public final class ChildControl: Sendable {
  private enum State: Sendable {
    case waiting
    case running(Int32)
    case over
    case ended
  }
  private let state = Locked(State.waiting)

  /// For one child.
  public init() {}

  /// Kills it, and keeps it from starting.
  public func end() {
    state.with { state in
      if case .running(let pidfd) = state { _ = slipway_kill(pidfd) }
      if case .over = state { return }
      state = .ended
    }
  }

  /// Whether `end` was called in time.
  var isEnded: Bool {
    state.with {
      if case .ended = $0 { true } else { false }
    }
  }

  /// The child runs. False when it was ended before.
  func started(_ pidfd: Int32) -> Bool {
    state.with { state in
      guard case .waiting = state else { return false }
      state = .running(pidfd)
      return true
    }
  }

  /// The child is gone; its pidfd means nothing any more.
  func finished() {
    state.with { state in
      if case .running = state { state = .over }
    }
  }
}
