/// A limit in bytes per second that several transfers share: each byte is taken before it is read. May be lifted while others wait.
public final class RateLimit: Sendable {
  private struct State: Sendable {
    var lifted = false
    /// When the bytes taken so far are paid for.
    var paid: ContinuousClock.Instant
  }
  /// Bytes per second.
  public let bytesPerSecond: Int64
  private let state: Locked<State>
  private let parent: RateLimit?

  /// A limit; at least 1 byte per second. A quarter of a second's bytes may go in one burst.
  public init(bytesPerSecond: Int64) {
    self.bytesPerSecond = max(1, bytesPerSecond)
    state = Locked(State(paid: .now))
    parent = nil
  }

  /// A share of `parent`: its bytes count there, and it can be lifted without the others.
  public init(sharing parent: RateLimit) {
    bytesPerSecond = parent.bytesPerSecond
    state = Locked(State(paid: .now))
    self.parent = parent
  }

  /// Waits until `bytes` more may be moved. Throws `CancellationError`.
  public func take(_ bytes: Int) async throws {
    guard !isLifted else { return }
    let now = ContinuousClock.now
    var rest = (parent ?? self).charge(bytes, now) - now
    // In short steps, so that a lifted limit is felt at once.
    while rest > .zero, !isLifted {
      let step = min(rest, .milliseconds(200))
      try await Task.sleep(for: step)
      rest -= step
    }
  }

  /// When `bytes` more are paid for. A share of a share is charged at the root.
  private func charge(_ bytes: Int, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
    if let parent { return parent.charge(bytes, now) }
    return state.with { state in
      // Time that nobody used is kept for a quarter of a second only.
      state.paid = max(state.paid, now - .milliseconds(250)) + .nanoseconds(Int64(Double(bytes) / Double(bytesPerSecond) * 1e9))
      return state.paid
    }
  }

  /// Whether the limit holds no more, its own or its parent's.
  public var isLifted: Bool { state.with { $0.lifted } || parent?.isLifted == true }

  /// Ends the limit: a spawn waits for what this transfer brings.
  public func lift() { state.with { $0.lifted = true } }
}
