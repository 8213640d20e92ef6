extension Deadline {
  /// Runs `body` in a task of its own and waits for it until this deadline. Once that has passed, or the caller is cancelled, `body` is cancelled and
  /// left to end by itself, since it may hang in a library; the caller goes on with `late` or `CancellationError`. So `body` must own all it touches.
  public func race<Value: Sendable>(
    orThrow late: @autoclosure @escaping @Sendable () -> any Error, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try Task.checkCancellation()
    let handoff = Handoff<Value>()
    let work = Task {
      do {
        handoff.fulfill(.success(try await body()))
      } catch {
        handoff.fulfill(.failure(error))
      }
    }
    let alarm = instant.map { instant in
      Task {
        try await Deadline(instant).sleep()
        handoff.fulfill(.failure(late()))
      }
    }
    defer {
      alarm?.cancel()
      work.cancel()
    }
    return try await handoff.value(cancellable: true)
  }
}
