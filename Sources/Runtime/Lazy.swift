/// A value that is made when it is first wanted, once, whoever wants it at the same time. A failure is told to those who waited and forgotten.
public final class Lazy<Value: Sendable>: Sendable {
  private enum State: Sendable {
    case empty
    case making(Task<Value, any Error>)
    case made(Value)
  }
  private let state = Locked<State>(.empty)

  /// Nothing made yet.
  public init() {}

  /// The value if it has been made.
  public var present: Value? { state.with { if case .made(let value) = $0 { value } else { nil } } }

  /// The value; `make` runs for the first caller, in a task of its own, so that a caller who is cancelled leaves at once and others still get it.
  public func get(_ make: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try Task.checkCancellation()
    let task: Task<Value, any Error>? = state.with { state in
      switch state {
      case .made: return nil
      case .making(let task): return task
      case .empty:
        let task = Task { [self] in
          do {
            let value = try await make()
            self.state.with { $0 = .made(value) }
            return value
          } catch {
            self.state.with { $0 = .empty }
            throw error
          }
        }
        state = .making(task)
        return task
      }
    }
    guard let task else {
      guard let value = present else { return try await get(make) }
      return value
    }
    let handoff = Handoff<Value>()
    Task { handoff.fulfill(await task.result) }
    return try await handoff.value(cancellable: true)
  }
}
