internal import Runtime

/// An observer on a thread of its own, and the queue before it.
///
/// The queue holds no more items than there are pieces in flight, and holes between them: runs of zeros that follow each other are one item.
final class ObserverLane: Sendable {
  private struct State {
    var items: [Observed?] = []
    var head = 0
    var isRunning = false
    var isClosed = false
    var isAbandoned = false
  }

  /// The longest run of zeros that is handed over at once: a tenth of a second for a digest.
  private static let zeroStep: Int64 = 64 << 20

  private let observer: any Observer
  private let number: Int
  private let state = Locked(State())
  private let thread: WorkerPool
  private let drained = Handoff<Void>()

  init(_ observer: any Observer, number: Int) {
    self.observer = observer
    self.number = number
    thread = WorkerPool(name: "observer-\(number)", threads: 1)
  }

  /// How many items wait, for tests.
  var queued: Int { state.with { $0.items.count - $0.head } }

  /// Queues what comes next. Called in order.
  func push(_ item: Observed, engine: Engine) {
    let start = state.with { state -> Bool in
      if state.isAbandoned { return false }
      if case .zeros(let more) = item, state.head < state.items.count, case .zeros(let count)? = state.items[state.items.count - 1] {
        state.items[state.items.count - 1] = .zeros(count + more)
      } else {
        state.items.append(item)
      }
      if state.isRunning { return false }
      state.isRunning = true
      return true
    }
    if start { thread.submit { self.drain(engine) } }
  }

  /// Nothing comes any more: returns when the observer has seen all, or was abandoned.
  func finish() async throws {
    let isDone = state.with { state -> Bool in
      state.isClosed = true
      return !state.isRunning
    }
    if isDone { drained.fulfill(.success(())) }
    try await drained.value()
  }

  /// Forgets what is queued; the call under way goes on to its end.
  func abandon() {
    let (dropped, isDone) = state.with { state -> ([Observed?], Bool) in
      state.isAbandoned = true
      let items = state.items
      state.items = []
      state.head = 0
      return (items, !state.isRunning)
    }
    // Freed outside the lock: buffers give their bytes back to the budget.
    _ = consume dropped
    if isDone { drained.fulfill(.success(())) }
  }

  private func drain(_ engine: Engine) {
    // A transfer that has failed waits for what began before, and nothing begins after.
    let isOn = engine.begin()
    if !isOn { abandon() }
    var isOver = false
    while let item = next(&isOver) {
      do {
        switch item {
        case .bytes(let buffer, let count):
          try observer.update(UnsafeRawBufferPointer(rebasing: buffer.memory[..<count]))
          engine.meter.seen(Int64(count), by: number)
        case .zeros(let count):
          try observer.zeros(count)
          engine.meter.seen(count, by: number)
        }
      } catch {
        engine.fail(error)
      }
    }
    if isOn { engine.end() }
    if isOver { drained.fulfill(.success(())) }
  }

  /// The next item, a long run of zeros in steps. Nil ends the run, and then `isOver` says whether it was the last: told under the same
  /// lock, since a new run may be queued a moment later.
  private func next(_ isOver: inout Bool) -> Observed? {
    let (item, isLast) = state.with { state -> (Observed?, Bool) in
      guard state.head < state.items.count, let item = state.items[state.head] else {
        state.isRunning = false
        return (nil, state.isClosed || state.isAbandoned)
      }
      if case .zeros(let count) = item, count > ObserverLane.zeroStep {
        state.items[state.head] = .zeros(count - ObserverLane.zeroStep)
        return (.zeros(ObserverLane.zeroStep), false)
      }
      state.items[state.head] = nil
      state.head += 1
      if state.head == state.items.count {
        state.items.removeAll(keepingCapacity: true)
        state.head = 0
      } else if state.head > 64 {
        state.items.removeFirst(state.head)
        state.head = 0
      }
      return (item, false)
    }
    isOver = isLast
    return item
  }
}
