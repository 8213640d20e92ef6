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

  /// A limit; at least 1 byte per second. A quarter of a second's bytes may go in one burst.
  public init(bytesPerSecond: Int64) {
    self.bytesPerSecond = max(1, bytesPerSecond)
    state = Locked(State(paid: .now))
  }

  /// Waits until `bytes` more may be moved. Throws `CancellationError`.
  public func take(_ bytes: Int) async throws {
    let now = ContinuousClock.now
    let due = state.with { state -> ContinuousClock.Instant? in
      guard !state.lifted else { return nil }
      // Time that nobody used is kept for a quarter of a second only.
      state.paid = max(state.paid, now - .milliseconds(250)) + .nanoseconds(Int64(Double(bytes) / Double(bytesPerSecond) * 1e9))
      return state.paid
    }
    guard var rest = due.map({ $0 - now }), rest > .zero else { return }
    // In short steps, so that a lifted limit is felt at once.
    while rest > .zero, !isLifted {
      let step = min(rest, .milliseconds(200))
      try await Task.sleep(for: step)
      rest -= step
    }
  }

  /// Whether the limit holds no more.
  public var isLifted: Bool { state.with { $0.lifted } }

  /// Ends the limit: a spawn waits for what this transfer brings.
  public func lift() { state.with { $0.lifted = true } }
}
