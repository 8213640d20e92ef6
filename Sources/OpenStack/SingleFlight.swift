internal import Model
internal import Runtime

/// One piece of work at a time, whose result all who ask meanwhile share. Each may leave (cancelled, or out of time) without ending it for
/// the others; the last one to leave ends it.
final class SingleFlight<Value: Sendable>: Sendable {
  private struct Flight {
    let id: UInt64
    var task: Task<Void, Never>?
    var waiters: [UInt64: Handoff<Value>] = [:]
  }
  private struct State {
    var next: UInt64 = 0
    var flight: Flight?
  }
  private let state = Locked(State())

  /// The result of the flight that is under way, or of a new one that runs `work`.
  func run(until deadline: Deadline, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let handoff = Handoff<Value>()
    let seat = state.with { state -> UInt64 in
      state.next += 1
      let seat = state.next
      if state.flight == nil {
        state.flight = Flight(id: seat)
        // The lock is held, so the task cannot land before it is written down here.
        state.flight?.task = Task {
          let result: Result<Value, any Error>
          do { result = .success(try await work()) } catch { result = .failure(error) }
          self.land(seat, result)
        }
      }
      state.flight?.waiters[seat] = handoff
      return seat
    }
    let alarm = Task {
      try await deadline.sleep()
      handoff.fulfill(
        .failure(SlipwayError(.timeout, "the deadline passed while waiting for a token", hint: "give more time with --deadline")))
    }
    defer {
      alarm.cancel()
      leave(seat)
    }
    return try await handoff.value(cancellable: true)
  }

  private func land(_ id: UInt64, _ result: Result<Value, any Error>) {
    let waiters = state.with { state -> [Handoff<Value>] in
      guard let flight = state.flight, flight.id == id else { return [] }
      state.flight = nil
      return Array(flight.waiters.values)
    }
    for waiter in waiters { waiter.fulfill(result) }
  }

  private func leave(_ seat: UInt64) {
    let abandoned = state.with { state -> Task<Void, Never>? in
      guard state.flight?.waiters.removeValue(forKey: seat) != nil, state.flight?.waiters.isEmpty == true else { return nil }
      defer { state.flight = nil }
      return state.flight?.task
    }
    abandoned?.cancel()
  }
}
