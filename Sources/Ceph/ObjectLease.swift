internal import Foundation
internal import Model
public import Runtime

/// An exclusive claim on a RADOS object, across all hosts, for as long as its holder lives: a lock whose lease the OSDs end, renewed while the
/// work lasts. The object stays when the claim ends, and with it what is noted there; the mark `cookie` says who held it last.
public final class ObjectLease: Sendable {
  /// What a dead holder loses its claim after, on other hosts; on its own host at once.
  public static let lease = Duration.seconds(60)
  /// The name of the lock on the object.
  public static let lock = "slipway"

  /// The pool.
  public let pool: Pool
  /// The object's name.
  public let object: String
  private let cookie: String
  private let keeper: Task<Void, Never>

  private init(pool: Pool, object: String, cookie: String) {
    self.pool = pool
    self.object = object
    self.cookie = cookie
    keeper = Self.keep(pool, object, cookie)
  }

  /// Renews the lease of a lock, until it is lost or the task cancelled: removing a large image takes minutes.
  public static func keep(_ pool: Pool, _ object: String, _ cookie: String) -> Task<Void, Never> {
    Task {
      while (try? await Task.sleep(for: lease / 3)) != nil {
        // An outage is not the loss of the claim: `check` tells before anything is made visible.
        if (try? await renew(pool, object, cookie)) == false { return }
      }
    }
  }

  /// Takes the claim, making the object if it is missing; waits while another lives and holds it, asking `waiting` now and then, which may throw
  /// to end the wait.
  ///
  /// Throws what `waiting` throws, `busy` when the deadline passes, `CancellationError`.
  public static func acquire(
    _ object: String, in pool: Pool, context: RequestContext, waiting: () async throws -> Void
  ) async throws -> ObjectLease {
    let cookie = try cookie(of: .current)
    var pause = Duration.milliseconds(10)
    while true {
      try Task.checkCancellation()
      if try await pool.lockObject(object, lock: lock, cookie: cookie, description: "slipway", lease: lease) {
        do {
          try await pool.setAttribute(object, "cookie", cookie)
          return ObjectLease(pool: pool, object: object, cookie: cookie)
        } catch let error as SlipwayError where error.cephErrno == 2 {
          continue  // the holder before us removed the object, and our lock went with it: once more
        } catch {
          await Task { try? await pool.unlockObject(object, lock: lock, cookie: cookie) }.value
          throw error
        }
      }
      if let held = try await pool.lockCookie(object, lock: lock) {
        if owner(of: held)?.liveness == .gone {
          // Its own lock only: another may have taken over since we read whose it was.
          try await pool.breakLock(object, lock: lock, cookie: held)
          continue
        }
        try await waiting()
      }
      if context.deadline.hasPassed {
        throw SlipwayError(
          .busy, "'\(object)' in pool '\(pool.name)' is being worked on by another process", object: object, hint: "try again")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(500))
    }
  }

  /// Whether somebody who may be alive holds a claim on the object now.
  public static func isHeld(_ object: String, in pool: Pool) async throws -> Bool {
    guard let held = try await pool.lockCookie(object, lock: lock) else { return false }
    return owner(of: held)?.liveness != .gone
  }

  /// Throws `busy` when the claim was lost to another (this process slept too long), `CancellationError`.
  public func check() async throws {
    try Task.checkCancellation()
    guard try await Self.renew(pool, object, cookie) else {
      throw SlipwayError(.busy, "the claim on '\(object)' was lost to another process", object: object, hint: "try again")
    }
  }

  /// Ends the claim; with `removingObject` the object and all that is noted there goes too, unless another took it meanwhile. Also once cancelled.
  public func release(removingObject: Bool = false) async {
    let (pool, object, cookie) = (pool, object, cookie)
    keeper.cancel()
    // A renewal under way would bring the object, or the lock, back.
    await keeper.value
    await Task {
      if removingObject { _ = try? await pool.removeObject(object, ifAttribute: "cookie", equals: cookie) }
      try? await pool.unlockObject(object, lock: Self.lock, cookie: cookie)
    }.value
  }

  /// Renews the lease; false when the claim is another's by now, or nobody's. A lock on an object that is gone would make a new one, and prove
  /// nothing: the object's mark `cookie` must be ours, too.
  public static func renew(_ pool: Pool, _ object: String, _ cookie: String) async throws -> Bool {
    guard try await pool.attribute(object, "cookie") == cookie else { return false }
    guard try await pool.lockObject(object, lock: lock, cookie: cookie, description: "slipway", lease: lease) else { return false }
    if try await pool.attribute(object, "cookie") == cookie { return true }
    try await pool.unlockObject(object, lock: lock, cookie: cookie)
    return false
  }

  /// A cookie of its own for each claim, that says whose it is.
  public static func cookie(of owner: ProcessOwner) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return "\(UUID().uuidString) \(String(decoding: try encoder.encode(owner), as: UTF8.self))"
  }

  /// Whose a claim is; nil for a cookie that is none of ours.
  public static func owner(of cookie: String) -> ProcessOwner? {
    guard let space = cookie.firstIndex(of: " ") else { return nil }
    return try? JSONDecoder().decode(ProcessOwner.self, from: Data(cookie[cookie.index(after: space)...].utf8))
  }
}
