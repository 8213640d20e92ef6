internal import Model
internal import Runtime

/// Tells the caller how far a transfer is: the lowest of what was written and what each observer has seen, not too often.
final class Meter: Sendable {
  private struct State: Sendable {
    var written: Int64 = 0
    var seen: [Int64]
    var told: Int64 = -1
    var next: ContinuousClock.Instant
  }

  private let state: Locked<State>
  private let phase: Progress.Phase
  private let interval: Duration
  private let total: Int64?
  private let tell: @Sendable (Progress) -> Void

  init(options: TransferOptions, total: Int64?, observers: Int, tell: @escaping @Sendable (Progress) -> Void) {
    phase = options.phase
    interval = options.progressInterval
    self.total = total
    self.tell = tell
    state = Locked(State(seen: Array(repeating: 0, count: observers), next: .now))
  }

  /// Everything below `position` is written.
  func written(to position: Int64) {
    report { $0.written = max($0.written, position) }
  }

  /// Observer `number` has seen `count` bytes more.
  func seen(_ count: Int64, by number: Int) {
    report { $0.seen[number] += count }
  }

  /// All is done; told in any case.
  func finished(size: Int64) {
    tell(Progress(phase: phase, position: size, total: size))
  }

  private func report(_ change: (inout State) -> Void) {
    let now = ContinuousClock.now
    let position = state.with { state -> Int64? in
      change(&state)
      guard now >= state.next else { return nil }
      let position = state.seen.reduce(state.written, min)
      guard position > state.told else { return nil }
      state.told = position
      state.next = now + interval
      return position
    }
    if let position { tell(Progress(phase: phase, position: position, total: total)) }
  }
}
