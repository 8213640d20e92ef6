/// The bytes that all transfers of this process may hold in flight together. Among callers of one priority first come, first served, so that no transfer
/// starves; a spawn goes before a prewarming, and that before a scrub.
public final class ByteBudget: Sendable {
  private struct Waiter: Sendable {
    let id: UInt64
    let bytes: Int
    let priority: RequestContext.Priority
    let handoff: Handoff<Void>
  }
  private struct State: Sendable {
    var free: Int
    var next: UInt64 = 0
    var waiters: [Waiter] = []
  }

  /// The whole budget in bytes.
  public let capacity: Int
  private let state: Locked<State>

  /// A budget of `capacity` bytes, at least 1.
  public init(capacity: Int) {
    self.capacity = max(1, capacity)
    state = Locked(State(free: self.capacity))
  }

  /// Takes `bytes` (more than the capacity counts as the capacity), waiting its turn. Throws `CancellationError` when the task is cancelled.
  public func take(_ bytes: Int, priority: RequestContext.Priority = .spawn) async throws {
    try Task.checkCancellation()
    let wanted = min(max(0, bytes), capacity)
    let waiter = state.with { state -> Waiter? in
      if state.waiters.isEmpty, state.free >= wanted {
        state.free -= wanted
        return nil
      }
      state.next += 1
      let waiter = Waiter(id: state.next, bytes: wanted, priority: priority, handoff: Handoff())
      let place = state.waiters.firstIndex { $0.priority < priority } ?? state.waiters.endIndex
      state.waiters.insert(waiter, at: place)
      return waiter
    }
    guard let waiter else { return }
    try await withTaskCancellationHandler {
      try await waiter.handoff.value()
    } onCancel: {
      let removed = state.with { state -> Bool in
        guard let index = state.waiters.firstIndex(where: { $0.id == waiter.id }) else { return false }
        state.waiters.remove(at: index)
        return true
      }
      if removed {
        waiter.handoff.fulfill(.failure(CancellationError()))
        wake()
      }
    }
  }

  /// Gives back what `take(bytes)` took.
  public func give(_ bytes: Int) {
    state.with { $0.free += min(max(0, bytes), capacity) }
    wake()
  }

  /// How many wait.
  public var waiting: Int { state.with { $0.waiters.count } }

  /// The bytes that nobody holds now.
  public var available: Int { state.with { $0.free } }

  private func wake() {
    let ready = state.with { state -> [Waiter] in
      var ready: [Waiter] = []
      while let first = state.waiters.first, first.bytes <= state.free {
        state.free -= first.bytes
        ready.append(first)
        state.waiters.removeFirst()
      }
      return ready
    }
    for waiter in ready { waiter.handoff.fulfill(.success(())) }
  }
}
