internal import Foundation
internal import Logging
internal import Model
internal import Runtime
internal import Wire

/// All that is under way, and what ended a while ago.
public final class Operations: Sendable {
  /// What ended is shown this long, and no more than `kept` of it.
  static let shownFor = Duration.seconds(900)
  static let kept = 1000
  /// What may wait for its turn; more is told to come again.
  static let queue = 1000

  private struct State: Sendable {
    var all: [String: Operation] = [:]
    var order: [String] = []
    var identities: [AnyHashableSendable: Operation] = [:]
    var running = 0
    var isDraining = false
  }
  private let state = Locked(State())
  /// One for each operation that may run at once; hits are among them, so there are many.
  private let turns: ByteBudget

  /// A registry in which `atOnce` operations run beside each other.
  public init(atOnce: Int = 64) { turns = ByteBudget(capacity: atOnce) }

  /// The operation of that id.
  public subscript(id: String) -> Operation? { state.with { $0.all[id] } }

  /// All of them, the newest first.
  public var list: [Operation] {
    state.with { state in
      Self.forget(&state)
      return state.order.reversed().compactMap { state.all[$0] }
    }
  }

  /// How many run or wait.
  public var active: Int { state.with { $0.all.values.count { !$0.isFinal } } }

  /// Whether no more is begun.
  public var isDraining: Bool { state.with { $0.isDraining } }

  /// Begins an operation, or joins the one that has the same identity and has not ended. `body` runs in a task of its own: a caller who goes away leaves
  /// it alone. Throws `agent_unavailable` while the daemon ends and when too much waits.
  func start<Identity: Hashable & Sendable>(
    _ kind: OperationDocument.Kind, _ object: String, identity: Identity?, id: String? = nil, _ context: RequestContext,
    _ body: @escaping @Sendable (RequestContext) async throws -> OperationResult
  ) throws(SlipwayError) -> (operation: Operation, isNew: Bool) {
    let mark = identity.map { AnyHashableSendable($0) }
    let document = OperationDocument(
      id: id ?? UUID().uuidString.lowercased(), kind: kind, object: object, request: context.id, created: Date().formatted(.iso8601))
    let (operation, isNew) = try state.with { state throws(SlipwayError) -> (Operation, Bool) in
      if let mark, let same = state.identities[mark], !same.isFinal {
        same.join()
        return (same, false)
      }
      guard !state.isDraining else {
        throw SlipwayError(.agentUnavailable, "the daemon is about to end", hint: "try again in a moment")
      }
      guard turns.waiting < Self.queue else {
        throw SlipwayError(.agentUnavailable, "\(Self.queue) operations wait for their turn already", hint: "try again later")
      }
      if state.order.count > Self.kept + 100 { Self.forget(&state) }
      let operation = Operation(document, identity: mark)
      state.all[document.id] = operation
      state.order.append(document.id)
      if let mark { state.identities[mark] = operation }
      return (operation, true)
    }
    guard isNew else { return (operation, false) }
    var own = context
    own.progress = { [weak operation] in operation?.report($0) }
    let given = own
    operation.run(Task { await self.run(operation, given, body) })
    return (operation, true)
  }

  private func run(
    _ operation: Operation, _ context: RequestContext, _ body: @escaping @Sendable (RequestContext) async throws -> OperationResult
  ) async {
    let kind = operation.document.kind
    do {
      let result = try await withDeadline(context.deadline) { [turns, state] in
        try await turns.take(1, priority: context.priority)
        defer { turns.give(1) }
        operation.begin()
        state.with { $0.running += 1 }
        defer { state.with { $0.running -= 1 } }
        return try await body(context)
      }
      operation.end(.success(result))
      Metric.operations.count(1, kind.rawValue, "done")
    } catch {
      let ours = SlipwayError.wrap(error)
      operation.end(.failure(ours))
      Metric.operations.count(1, kind.rawValue, ours.code.rawValue)
      context.log(.info, "an operation failed", ["operation": kind.rawValue, "object": operation.document.object, "error": ours.message])
    }
    Metric.operationSeconds.observe(operation.age, kind.rawValue)
  }

  /// Runs `body`, and cancels it once the deadline passes; what it touches has gone when this returns.
  private func withDeadline<Value: Sendable>(_ deadline: Deadline, _ body: @escaping @Sendable () async throws -> Value) async throws
    -> Value
  {
    guard deadline.instant != nil else { return try await body() }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await deadline.sleep()
        return nil
      }
      defer { group.cancelAll() }
      if let first = try await group.next(), let value = first { return value }
      group.cancelAll()
      while let rest = try? await group.next() { if let value = rest { return value } }
      throw SlipwayError(.timeout, "the deadline passed before the request was done", hint: "give more time with --deadline")
    }
  }

  /// Begins nothing more.
  public func drain() { state.with { $0.isDraining = true } }

  /// Lets what runs end by itself for `time`, then cancels the rest and waits for that. Whoever waits or watches is let go first.
  public func finish(within time: Duration) async {
    drain()
    let all = state.with { Array($0.all.values) }.filter { !$0.isFinal }
    let limit = Deadline.after(time)
    while !limit.hasPassed, all.contains(where: { !$0.isFinal }) { try? await Task.sleep(for: .milliseconds(20)) }
    for operation in all where !operation.isFinal { operation.cancel(firmly: true) }
    let last = Deadline.after(.seconds(20))
    while !last.hasPassed, all.contains(where: { !$0.isFinal }) { try? await Task.sleep(for: .milliseconds(20)) }
    for operation in state.with({ Array($0.all.values) }) { operation.dismiss() }
  }

  /// Sets the gauges.
  func measure() {
    state.with { Self.forget(&$0) }
    let waiting = turns.waiting
    let (running, oldest) = state.with { state in
      (state.running, state.all.values.filter { !$0.isFinal }.map(\.age).max() ?? .zero)
    }
    Metric.operationsRunning.set(Double(running))
    Metric.operationsQueued.set(Double(waiting))
    Metric.oldestOperation.set(oldest.seconds)
  }

  private static func forget(_ state: inout State) {
    let limit = ContinuousClock.now - shownFor
    var surplus = state.order.count - kept
    state.order.removeAll { id in
      guard let ended = state.all[id]?.ended, ended < limit || surplus > 0 else { return false }
      surplus -= 1
      if let gone = state.all.removeValue(forKey: id), let mark = gone.identity, state.identities[mark] === gone {
        state.identities[mark] = nil
      }
      return true
    }
  }
}
