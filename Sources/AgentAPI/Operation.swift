internal import Foundation
internal import Model
internal import Runtime
public import Wire

/// Work that may take long, and whoever waits for it or watches it.
public final class Operation: Sendable {
  private struct State: Sendable {
    var document: OperationDocument
    var start = ContinuousClock.now
    var ended: ContinuousClock.Instant?
    var next: UInt64 = 0
    var waiters: [UInt64: Handoff<Void>] = [:]
    var watchers: [UInt64: Handoff<Void>] = [:]
    var isDismissed = false
    /// How many callers want it: the last who cancels ends it.
    var callers = 1
    var task: Task<Void, Never>?
    var isCancelled = false
  }
  private let state: Locked<State>
  /// Two requests with the same one are one.
  let identity: AnyHashableSendable?

  init(_ document: OperationDocument, identity: AnyHashableSendable?) {
    state = Locked(State(document: document))
    self.identity = identity
  }

  /// As it is now.
  public var document: OperationDocument { state.with { $0.document } }
  /// Whether nothing more will come.
  var isFinal: Bool { state.with { $0.document.state.isFinal } }
  /// When it ended.
  var ended: ContinuousClock.Instant? { state.with { $0.ended } }
  /// How long it has been there.
  var age: Duration { ContinuousClock.now - state.with { $0.start } }

  /// Waits until it has ended, or nobody is told more, `time` at most.
  func wait(_ time: Duration) async { await listen(time, \.waiters) }

  /// Waits until anything of it has changed since `seen`, or nobody is told more, `time` at most.
  func waitForChange(since seen: OperationDocument, _ time: Duration) async { await listen(time, \.watchers) { $0 != seen } }

  /// Whether nobody is told more: the daemon ends.
  var isDismissed: Bool { state.with { $0.isDismissed } }

  private func listen(
    _ time: Duration, _ listeners: any WritableKeyPath<State, [UInt64: Handoff<Void>]> & Sendable,
    unless isOver: (OperationDocument) -> Bool = { _ in false }
  ) async {
    let handoff = Handoff<Void>()
    let id = state.with { state -> UInt64? in
      guard !state.document.state.isFinal, !state.isDismissed, !isOver(state.document) else { return nil }
      state.next += 1
      state[keyPath: listeners][state.next] = handoff
      return state.next
    }
    guard let id else { return }
    let alarm = Task {
      try await Task.sleep(for: time)
      handoff.fulfill(.success(()))
    }
    _ = try? await handoff.value(cancellable: true)
    alarm.cancel()
    state.with { _ = $0[keyPath: listeners].removeValue(forKey: id) }
  }

  /// Another caller wants it.
  func join() { state.with { $0.callers += 1 } }

  /// One caller wants it no longer; with the last one, or `firmly`, it ends.
  func cancel(firmly: Bool) {
    let task = state.with { state -> Task<Void, Never>? in
      state.callers -= 1
      guard firmly || state.callers <= 0, !state.document.state.isFinal else { return nil }
      state.isCancelled = true
      return state.task
    }
    task?.cancel()
  }

  func run(_ task: Task<Void, Never>) {
    let isCancelled = state.with { state in
      state.task = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  func begin() {
    change { state in
      state.document.state = .running
      return true
    }
  }

  /// Progress, which may come a thousand times a second.
  func report(_ progress: Model.Progress) {
    change { state in
      guard state.document.state == .running else { return false }
      state.document.phase = progress.phase.rawValue
      state.document.position = progress.position
      state.document.total = progress.total
      let elapsed = (ContinuousClock.now - state.start).seconds
      state.document.rate = elapsed > 0.05 ? Int64(Double(progress.position) / elapsed) : 0
      return true
    }
  }

  func end(_ result: Result<OperationResult, any Error>) {
    let listeners = state.with { state -> [Handoff<Void>] in
      guard !state.document.state.isFinal else { return [] }
      switch result {
      case .success(let result):
        state.document.state = .done
        state.document.phase = Model.Progress.Phase.done.rawValue
        state.document.result = result
      case .failure(let error):
        let ours = SlipwayError.wrap(error)
        state.document.state = ours.code == .cancelled ? .cancelled : .failed
        state.document.error = ErrorDocument(ours).error
      }
      state.document.finished = Date().formatted(.iso8601)
      state.ended = .now
      state.task = nil
      return Self.all(&state)
    }
    for listener in listeners { listener.fulfill(.success(())) }
  }

  /// Nobody is told more: the daemon ends.
  func dismiss() {
    let listeners = state.with { state in
      state.isDismissed = true
      return Self.all(&state)
    }
    for listener in listeners { listener.fulfill(.success(())) }
  }

  private func change(_ body: (inout State) -> Bool) {
    let watchers = state.with { state -> [Handoff<Void>] in
      guard body(&state) else { return [] }
      defer { state.watchers = [:] }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.fulfill(.success(())) }
  }

  private static func all(_ state: inout State) -> [Handoff<Void>] {
    defer { (state.waiters, state.watchers) = ([:], [:]) }
    return Array(state.waiters.values) + Array(state.watchers.values)
  }
}

/// A value that is compared and nothing else.
struct AnyHashableSendable: Hashable, Sendable {
  private let isSame: @Sendable (AnyHashableSendable) -> Bool
  private let code: Int
  private let value: any Hashable & Sendable

  init<Value: Hashable & Sendable>(_ value: Value) {
    self.value = value
    code = value.hashValue
    isSame = { ($0.value as? Value) == value }
  }

  static func == (a: Self, b: Self) -> Bool { a.isSame(b) }
  func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
