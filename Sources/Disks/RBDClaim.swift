internal import Ceph
internal import Foundation
internal import Model
internal import Runtime

/// The claim on one disk name in one pool, across all hosts: a RADOS object `slipway.disk.NAME` with an exclusive lock whose lease the OSDs
/// end, holding what its owner intends. Whoever makes or deletes a disk holds it; a dead owner loses it.
///
/// The intent is written before anything is made, so what a dead maker left can be told from what somebody else made under that name.
struct RBDClaim {
  /// What the owner of a claim is about to do.
  enum Work: String, Codable, Sendable { case create, delete }

  /// What the claim object holds.
  struct Intent: Codable, Sendable {
    var work: Work
    var request: DiskRequest?
    var owner: ProcessOwner
    /// The maker's client id in the cluster: image ids that it makes begin with it.
    var instance: UInt64
    var cookie: String
    /// Client ids of dead makers before the owner, whose leavings may still lie under the name.
    var earlier: [UInt64]?
  }

  private static let lock = ObjectLease.lock

  let pool: Pool
  let object: String
  let cookie: String
  /// What a dead owner before us intended, if there was one.
  let inherited: Intent?
  /// Client ids of dead makers whose leavings may lie under the name.
  var deadMakers: [UInt64] { Self.deadMakers(inherited) }
  /// Renews the lease for as long as the work takes: removing a large image takes minutes.
  private let keeper: Task<Void, Never>

  private init(pool: Pool, object: String, cookie: String, inherited: Intent?) {
    self.pool = pool
    self.object = object
    self.cookie = cookie
    self.inherited = inherited
    keeper = ObjectLease.keep(pool, object, cookie)
  }

  static func object(for name: DiskName) -> String { "slipway.disk.\(name)" }

  /// Takes the claim, waiting while another lives and holds it. `busy` sees each holder's intent and may throw to stop waiting.
  ///
  /// Throws what `busy` throws, `timeout`, `CancellationError`.
  static func acquire(
    pool: Pool, name: DiskName, work: Work, request: DiskRequest?, context: RequestContext,
    busy: (Intent) async throws -> Void
  ) async throws -> RBDClaim {
    let object = object(for: name)
    var intent = Intent(
      work: work, request: request, owner: .current, instance: pool.cluster.instance, cookie: try ObjectLease.cookie(of: .current))
    var pause = Duration.milliseconds(10)
    while true {
      try Task.checkCancellation()
      if try await pool.lockObject(object, lock: lock, cookie: intent.cookie, description: intent.work.rawValue, lease: ObjectLease.lease) {
        do {
          let inherited = try await read(pool, object)
          // Who fails, or dies in turn, must not take that knowledge along.
          intent.earlier = deadMakers(inherited)
          // A request to cancel that was meant for a dead owner goes; a living deleter repeats its own.
          let text = try RecordCoding.encode(intent)
          try await pool.writeObject(object, Array(text.utf8), attribute: ("cookie", intent.cookie), removing: "cancel")
          return RBDClaim(pool: pool, object: object, cookie: intent.cookie, inherited: inherited)
        } catch let error as SlipwayError where error.cephErrno == 2 {
          // The owner before us let go, and its object went with our lock on it: once more.
          continue
        } catch {
          // The object keeps an inherited intent: only the lock is given back.
          let cookie = intent.cookie
          await Task { try? await pool.unlockObject(object, lock: lock, cookie: cookie) }.value
          throw error
        }
      }
      // The lock tells who holds it, also before the holder's intent is written, while an earlier one's is still to be read.
      if let held = try await pool.lockCookie(object, lock: lock) {
        if ObjectLease.owner(of: held)?.liveness == .gone {
          // Its own lock only: another may have taken over since we read whose it was.
          try await pool.breakLock(object, lock: lock, cookie: held)
          continue
        }
        if let holder = try await read(pool, object), holder.cookie == held { try await busy(holder) }
      }
      // As wherever a deadline passes, whoever notices it first.
      if context.deadline.hasPassed {
        throw SlipwayError(
          .timeout, "the deadline passed while another process works on disk '\(name)' in pool '\(pool.name)'", object: name.text,
          hint: "give more time with --deadline")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(500))
    }
  }

  /// Asks whoever holds the claim to stop.
  static func requestCancel(pool: Pool, name: DiskName) async throws {
    do {
      try await pool.setAttribute(object(for: name), "cancel", "1")
    } catch let error as SlipwayError where error.cephErrno == 2 {
      return  // the holder has just finished
    }
  }

  /// Throws `cancelled` when a deletion asked the making to stop, `busy` when the claim was lost to another (this process slept too long).
  func check() async throws {
    try Task.checkCancellation()
    if try await pool.attribute(object, "cancel") != nil {
      throw SlipwayError(.cancelled, "the making of '\(object.dropFirst(13))' was cancelled by its deletion", object: object)
    }
    guard try await ObjectLease.renew(pool, object, cookie) else {
      throw SlipwayError(.busy, "the claim on '\(object)' was lost to another process", object: object, hint: "try again")
    }
  }

  /// Ends the claim: the object goes, unless another took it meanwhile. With `keepingIntent` it stays, and only the lock is given back. Also
  /// once cancelled.
  func release(keepingIntent: Bool = false) async {
    let (pool, object, cookie) = (pool, object, cookie)
    keeper.cancel()
    // A renewal under way would bring the object back.
    await keeper.value
    await Task {
      if keepingIntent {
        try? await pool.unlockObject(object, lock: Self.lock, cookie: cookie)
      } else {
        _ = try? await pool.removeObject(object, ifAttribute: "cookie", equals: cookie)
      }
    }.value
  }

  private static func deadMakers(_ inherited: Intent?) -> [UInt64] {
    guard let inherited else { return [] }
    let last = inherited.work == .create ? [inherited.instance] : []
    return Array(((inherited.earlier ?? []) + last).suffix(32))
  }

  private static func read(_ pool: Pool, _ object: String) async throws -> Intent? {
    guard let bytes = try await pool.readObject(object), !bytes.isEmpty else { return nil }
    return RecordCoding.decode(Intent.self, String(decoding: bytes, as: UTF8.self))
  }
}
