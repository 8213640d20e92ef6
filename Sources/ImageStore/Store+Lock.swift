internal import Files
internal import Model
public import Runtime

/// "You hold the base's lock", as a value: what changes a base takes it.
public final class BaseLock: Sendable {
  /// The base that is locked.
  public let name: BaseName
  private let held: HeldLock

  init(name: BaseName, held: HeldLock) {
    self.name = name
    self.held = held
  }

  /// Lets the next one in. Releasing twice changes nothing; the last reference releases too.
  public func release() { held.release() }

  /// Throws `busy` when someone removed the lock file, `internal` when it was released.
  func verify() throws(SlipwayError) { try held.verify() }
}

extension Store {
  /// Takes the lock of a base, which excludes all other tasks and processes (single flight), waiting until the context's deadline. `onWait` is
  /// told how long we have waited, each time the lock was found taken. Throws `timeout`, `CancellationError`.
  public func lock(
    _ name: BaseName, context: RequestContext, onWait: @escaping @Sendable (Duration) -> Void = { _ in }
  ) async throws -> BaseLock {
    let held = try await FileLock.acquire(name.lock, in: locks, deadline: context.deadline, pool: pool, onWait: onWait)
    return BaseLock(name: name, held: held)
  }

  /// Runs `body` under the lock of a base and releases it in every case; otherwise as `lock`. Who gets the lock looks the base up (again): the
  /// one before may have made it.
  public func withBaseLock<Value: Sendable>(
    _ identity: BaseIdentity, context: RequestContext, onWait: @escaping @Sendable (Duration) -> Void = { _ in },
    _ body: @Sendable (BaseLock) async throws -> Value
  ) async throws -> Value {
    let lock = try await lock(identity.name, context: context, onWait: onWait)
    defer { lock.release() }
    return try await body(lock)
  }
}
