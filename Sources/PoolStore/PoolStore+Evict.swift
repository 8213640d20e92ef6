internal import Ceph
public import Model
public import Runtime

extension PoolStore {
  /// What became of a base that was to go.
  public enum Eviction: Sendable, Hashable {
    /// It is removed, and its space is free.
    case evicted
    /// It is no base any more and lies in the trash: its space comes free with the last of these disks, or when nobody has it open.
    case trashed([String])
    /// Disks stand on it.
    case inUse([String])
    /// It was used since it was looked at.
    case used
    /// An operator pinned it.
    case pinned
    /// Somebody works on it.
    case claimed
    /// It is gone, or another stands there.
    case vanished
  }

  /// Removes a base that is as it was looked at: unpinned, not used since, without clones. With `movingUsed` one that has clones moves to the trash,
  /// where they go on reading it, by its id; its name is free for another. Never waits for whoever works on it.
  ///
  /// From the moment on at which it is marked no request takes it any more; the snapshot goes first, so that what a death on the way leaves is no
  /// base, and the next one to come takes it away.
  public func evict(_ was: PoolBase, movingUsed: Bool = false, context: RequestContext) async throws -> Eviction {
    let name = was.name
    let lease: ObjectLease
    do {
      lease = try await ObjectLease.acquire(name.claim, in: pool, context: context) { throw Held() }
    } catch is Held {
      return .claimed
    }
    do {
      let result = try await remove(was, movingUsed)
      switch result {
      case .evicted, .trashed, .vanished: await lease.release(removingObject: true)
      case .inUse, .used, .pinned, .claimed: await lease.release()
      }
      return result
    } catch {
      await lease.release()
      throw error
    }
  }

  private struct Held: Error {}

  private func remove(_ was: PoolBase, _ movingUsed: Bool) async throws -> Eviction {
    let name = was.name
    guard case .ready(let base) = try await occupant(name) else {
      if case .nobody = try await occupant(name) { return .vanished }
      return .claimed
    }
    guard base.version == was.version else { return .used }
    if let pin = base.usage.pin, pin.expires.map({ $0 > Self.now }) ?? true { return .pinned }
    guard base.usage.lastUse <= was.usage.lastUse else { return .used }
    let children = try await children(of: base)
    guard children.isEmpty || movingUsed else { return .inUse(children) }
    // What was used at this very moment is not marked, and what is marked is not used any more.
    guard try await pool.setAttributes(name.claim, [Mark.state: Mark.going], ifAttribute: Mark.used, equals: String(base.usage.lastUse))
    else { return .used }
    guard let id = base.record.imageID else { return .vanished }
    if children.isEmpty, try await !removeSnapshot(of: base), !movingUsed {
      // Somebody cloned it between the look and now.
      try await pool.setAttribute(name.claim, Mark.state, Mark.ready)
      return .inUse([])
    }
    let isFree = try await TrashQueue(pool).remove(name.image, id: id, bytes: base.allocated, snapshots: [PoolBase.snapshot])
    return isFree ? .evicted : .trashed(children)
  }

  /// Takes the snapshot away; false while it has clones.
  private func removeSnapshot(of base: PoolBase) async throws -> Bool {
    let image = try await pool.open(base.name.image, readOnly: false)
    do {
      try await image.unprotect(snapshot: PoolBase.snapshot)
      try await image.removeSnapshot(PoolBase.snapshot)
    } catch let error as SlipwayError where error.cephErrno == 16 {
      await image.close()
      return false
    } catch {
      await image.close()
      throw error
    }
    await image.close()
    return true
  }

  /// What bases take that were put aside and are not free yet, since disks stand on them or somebody has them open.
  public func pending() async throws -> ByteCount {
    let entries = try await TrashQueue(pool).entries().filter { $0.isMoved && PoolBaseName(image: $0.name) != nil }
    return ByteCount(entries.reduce(0) { $0 + max(0, $1.bytes ?? 0) })
  }

  /// Removes what imports that were cut off have left under the names of bases, where nobody works on them any more; how many went.
  public func sweep(context: RequestContext) async throws -> Int {
    var count = 0
    for name in try await pool.images().compactMap({ PoolBaseName(image: $0) }) {
      try context.deadline.check("the pool '\(pool.name)' was swept")
      guard case .unfinished = try await occupant(name) else { continue }
      guard let lease = try? await ObjectLease.acquire(name.claim, in: pool, context: context, waiting: { throw Held() }) else { continue }
      do {
        // An import that is under way holds its claim; what is left without one, and was made by a known maker, is nobody's.
        let known = try await makers(name)
        if case .unfinished(let id, let isOurs) = try await occupant(name), isOurs || known.contains(where: { Image.isID(id, madeBy: $0) })
        {
          _ = try await TrashQueue(pool).remove(name.image, id: id)
          count += 1
          await lease.release(removingObject: true)
        } else {
          await lease.release()
        }
      } catch {
        await lease.release()
        throw error
      }
    }
    return count
  }
}
