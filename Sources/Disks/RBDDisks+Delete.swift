public import Ceph
public import Model
public import Runtime

extension RBDDisks {
  /// Deletes a disk of ours. An absent one is success (false); one that is being made is cancelled, waited for and removed.
  ///
  /// Its name is free when this returns: the image lies in the trash until its data is gone, or until clones of it are.
  ///
  /// Throws `in_use` when somebody has it open for longer than `busyWait`, or it has snapshots that are not ours; `not_ours` for an image that we did
  /// not make; `busy`.
  public func delete(_ name: DiskName, context: RequestContext) async throws -> Bool {
    let path = "\(pool.name)/\(name)"
    let claim = try await RBDClaim.acquire(pool: pool, name: name, work: .delete, request: nil, context: context) { holder in
      context.progress(Progress(phase: .waiting))
      if holder.work == .create { try await RBDClaim.requestCancel(pool: pool, name: name) }
    }
    do {
      let deleted = try await remove(name, path, claim, context)
      await claim.release()
      return deleted
    } catch {
      await end(claim, name, after: error)
      throw error
    }
  }

  private func remove(_ name: DiskName, _ path: String, _ claim: RBDClaim, _ context: RequestContext) async throws -> Bool {
    switch try await occupant(name) {
    case .nobody:
      if !claim.deadMakers.isEmpty { try await removeStub(name, claim, context) }
      // Another's deletion that was cut off in the middle: the name is free now.
      return try await TrashQueue(pool).finishMoves(of: name.text) > 0
    case .foreign(let id):
      try await removeOrphan(name, id: id, claim: claim, context: context)
      return true
    case .ours(_, .making, let id, _):
      // We hold the claim, so its maker is gone, and nobody was ever given it.
      try await removeLeftover(name, id: id, claim, context)
      return true
    case .ours(_, _, let id, _):
      try await prepare(name, path, id, claim, context)
      try await claim.check()
      try await discard(name, id: id, isWatched: false, context)
      return true
    }
  }

  /// Makes a disk ready to go: nobody has it open, nothing of ours hangs on it, and nobody takes it for a disk any more.
  ///
  /// Who has it open is waited for, `busyWait` at most: a machine that was just stopped lets go, and a client that died is given up by the OSD after
  /// half a minute. (Rule: Nova `destroy_volume` retries for a minute.)
  private func prepare(_ name: DiskName, _ path: String, _ id: String, _ claim: RBDClaim, _ context: RequestContext) async throws {
    let limit = context.deadline.capped(busyWait)
    while true {
      let image = try await pool.open(name.text, readOnly: false)
      do {
        guard image.id == id else {
          throw SlipwayError(.busy, "disk \(path) was replaced while it was looked at", object: path, hint: "try again")
        }
        // One watcher is this very open.
        let others = try await image.watcherCount() - 1
        if others <= 0 {
          try await removeOwnSnapshots(of: image, path)
          // Noted first: what is marked is finished by the cleaner, should this process die. Once marked nobody takes it for a disk.
          try await TrashQueue(pool).note(name.text, id: id)
          try await image.setMetadata(Self.stateKey, DiskState.deleting.rawValue)
          await image.close()
          return
        }
        guard !limit.hasPassed else {
          throw SlipwayError(
            .inUse, "disk \(path) is open elsewhere (\(others) watcher\(others == 1 ? "" : "s"))", object: path,
            hint: "stop the machine that uses it; see: rbd status \(path)")
        }
      } catch {
        await image.close()
        throw error
      }
      await image.close()
      context.progress(Progress(phase: .waiting))
      try await claim.check()
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Removes the snapshots that Slipway took of a disk. One with clones of format 1 stays, and keeps the disk in the trash until they are gone; what
  /// Ceph itself keeps for clones of format 2 does so, too. Throws `in_use` for a snapshot of somebody else.
  private func removeOwnSnapshots(of image: Image, _ path: String) async throws {
    let all = try await image.snapshots()
    for kept in all where kept.removedName?.hasPrefix(TrashQueue.ownSnapshots) == true {
      do {
        try await image.removeSnapshot(id: kept.id)
      } catch let error as SlipwayError where error.cephErrno == 16 {
        continue  // its clones live on
      }
    }
    let snapshots = all.filter(\.isUsers)
    let foreign = snapshots.filter { !$0.name.hasPrefix(TrashQueue.ownSnapshots) }
    guard foreign.isEmpty else {
      throw SlipwayError(
        .inUse, "disk \(path) has \(foreign.count) snapshot\(foreign.count == 1 ? "" : "s") that Slipway did not take", object: path,
        hint: "remove them first: rbd snap ls \(path)")
    }
    for snapshot in snapshots {
      do {
        try await image.unprotect(snapshot: snapshot.name)
        try await image.removeSnapshot(snapshot.name)
      } catch let error as SlipwayError where error.cephErrno == 16 {
        continue
      }
    }
  }

  /// Moves an image to the trash, so that its name is free at once, and removes it there; what cannot be removed now is noted, and the cleaner's.
  func discard(_ name: DiskName, id: String, isWatched: Bool? = nil, _ context: RequestContext) async throws {
    guard try await !TrashQueue(pool).remove(name.text, id: id, isDeferred: defersDeletion, isWatched: isWatched) else { return }
    context.log(
      defersDeletion ? .info : .notice, "an image is in the trash, and is removed there by cleaning",
      ["disk": "\(pool.name)/\(name)", "image_id": id])
  }

  /// Goes on with a deletion that was cut off before the image was moved to the trash: only of the very image, and only if it is marked as one that is
  /// to go. False when there is nothing to go on with.
  public func finishDeletion(_ entry: TrashQueue.Entry, context: RequestContext) async throws -> Bool {
    guard let name = try? DiskName(entry.name) else { return false }
    let claim = try await RBDClaim.acquire(pool: pool, name: name, work: .delete, request: nil, context: context) { _ in
      throw SlipwayError(.busy, "disk '\(name)' is being worked on", object: name.text)
    }
    do {
      var isDone = false
      if case .ours(_, .deleting, let id, _) = try await occupant(name), id == entry.id {
        try await discard(name, id: id, context)
        isDone = true
      }
      await claim.release()
      return isDone
    } catch {
      await end(claim, name, after: error)
      throw error
    }
  }
}
