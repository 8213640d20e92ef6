internal import Files
internal import Model
public import Runtime

extension Store {
  /// Takes the lock of a base, which excludes all other tasks and processes (single flight), waiting until the context's deadline. `onWait` is
  /// told how long we have waited and how far the holder is, each time the lock was found taken. A spawn that waits makes the work urgent. When
  /// the holder's process ends, one of those who wait gets the lock. Throws `timeout`, `CancellationError`.
  public func lock(
    _ name: BaseName, context: RequestContext, onWait: @escaping @Sendable (LockWait) -> Void = { _ in }
  ) async throws -> BaseLock {
    while true {
      if let lock = try await lock(name, context: context, onWait: onWait, unless: { false }) { return lock }
    }
  }

  /// As above, but nil once `isDone`, asked now and then while somebody else has the lock, says that it is not needed any more.
  private func lock(
    _ name: BaseName, context: RequestContext, onWait: @escaping @Sendable (LockWait) -> Void, unless isDone: () async throws -> Bool
  ) async throws -> BaseLock? {
    let urgency = Locked<HeldLock?>(nil)
    defer { urgency.with { $0 }?.release() }
    let told: @Sendable (Duration) async -> Void = { waited in
      let work = try? await self.pool.run {
        // Shared: any number of spawns may wait.
        if context.priority == .spawn, urgency.with({ $0 == nil }),
          let mark = try? FileLock.attempt(name.urgent, in: self.locks, shared: true)
        {
          urgency.with { $0 = mark }
        }
        return try self.workNow(on: name)
      }
      onWait(LockWait(waited: waited, work: work ?? nil))
    }
    let held = try await FileLock.acquire(
      layout.lock(name), in: baseLocks, mode: layout.lockMode, deadline: context.deadline, pool: pool, onWait: told, unless: isDone)
    guard let held else { return nil }
    return BaseLock(name: name, held: held, reporter: WorkReporter(name: name, request: context.id, store: self), pool: pool)
  }

  /// Runs `body` under the lock of a base and releases it in every case; otherwise as `lock`. Who gets the lock looks the base up (again): the
  /// one before may have made it.
  public func withBaseLock<Value: Sendable>(
    _ identity: BaseIdentity, context: RequestContext, onWait: @escaping @Sendable (LockWait) -> Void = { _ in },
    _ body: @Sendable (BaseLock) async throws -> Value
  ) async throws -> Value {
    let lock = try await lock(identity.name, context: context, onWait: onWait)
    defer { lock.release() }
    return try await body(lock)
  }

  /// As above, but who waits for the lock asks `ready` now and then, and whether the wait is over, and takes its answer, without the lock: many who wait
  /// for one base need not go one by one.
  public func withBaseLock<Value: Sendable>(
    _ identity: BaseIdentity, context: RequestContext, onWait: @escaping @Sendable (LockWait) -> Void = { _ in },
    unless ready: () async throws -> Value?, _ body: @Sendable (BaseLock) async throws -> Value
  ) async throws -> Value {
    while true {
      var answer: Value?
      let lock = try await lock(identity.name, context: context, onWait: onWait) {
        answer = try await ready()
        return answer != nil
      }
      if let answer { return answer }
      guard let lock else { continue }
      defer { lock.release() }
      return try await body(lock)
    }
  }

  /// The lock of a base if it is free now, nil when somebody holds it.
  func attemptLock(_ name: BaseName) throws(SlipwayError) -> HeldLock? {
    try FileLock.attempt(layout.lock(name), in: baseLocks, mode: layout.lockMode)
  }

  /// How far whoever works on a base is; nil when nobody does, or does not tell.
  public func work(on name: BaseName) async throws -> WorkStatus? {
    try await pool.run { try self.workNow(on: name) }
  }

  private func workNow(on name: BaseName) throws(SlipwayError) -> WorkStatus? {
    guard let bytes = try locks.contents(of: name.work), let status = try? StoreJSON.decode(WorkStatus.self, bytes) else { return nil }
    // What a process left behind that was killed tells nothing.
    return status.owner.liveness == .gone ? nil : status
  }
}
