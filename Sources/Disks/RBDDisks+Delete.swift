internal import Ceph
public import Model
public import Runtime

extension RBDDisks {
  /// Deletes a disk of ours. An absent one is success (false); one that is being made is cancelled, waited for and removed.
  ///
  /// Throws `in_use` when somebody has it open or it has snapshots, `not_ours` for an image that we did not make, `busy`.
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
      return false
    case .foreign(let id):
      try await removeOrphan(name, id: id, claim: claim, context: context)
      return true
    case .ours(_, .making, let id, _):
      // We hold the claim, so its maker is gone, and nobody was ever given it.
      try await removeLeftover(name, id: id, claim, context)
      return true
    case .ours(_, _, let id, _):
      let image = try await pool.open(name.text, readOnly: false)
      do {
        guard image.id == id else {
          throw SlipwayError(.busy, "disk \(path) was replaced while it was looked at", object: path, hint: "try again")
        }
        // One watcher is this very open.
        let others = try await image.watcherCount() - 1
        guard others <= 0 else {
          throw SlipwayError(
            .inUse, "disk \(path) is open elsewhere (\(others) watcher\(others == 1 ? "" : "s"))", object: path,
            hint: "stop the machine that uses it; see: rbd status \(path)")
        }
        let snapshots = try await image.snapshotCount()
        guard snapshots == 0 else {
          throw SlipwayError(
            .inUse, "disk \(path) has \(snapshots) snapshot\(snapshots == 1 ? "" : "s")", object: path,
            hint: "remove them first: rbd snap ls \(path)")
        }
        // From here on nobody may take it for a disk, also when the removal is cut off.
        try await image.setMetadata(Self.stateKey, DiskState.deleting.rawValue)
      } catch {
        await image.close()
        throw error
      }
      await image.close()
      try await claim.check()
      try await pool.remove(name.text)
      return true
    }
  }
}
