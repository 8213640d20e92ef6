internal import Ceph
internal import Model
internal import Runtime

/// What dead makers and failed requests leave under a name.
extension RBDDisks {
  /// Removes an image without a record if, and only if, a dead maker's intent and the image's id say that it made it.
  func removeOrphan(_ name: DiskName, id: String, claim: RBDClaim, context: RequestContext) async throws {
    guard claim.deadMakers.contains(where: { Self.imageID(id, isOf: $0) }) else { throw foreign(name) }
    context.log(.notice, "removing a clone whose maker died before it wrote its record", ["disk": "\(pool.name)/\(name)"])
    try await removeLeftover(name, id: id, claim, context)
  }

  /// Removes an image that still has the id it had when it was judged.
  func removeLeftover(_ name: DiskName, id: String, _ claim: RBDClaim, _ context: RequestContext) async throws {
    switch try await occupant(name) {
    case .nobody: return
    case .ours(_, _, let now, _), .foreign(let now):
      guard now == id else {
        throw SlipwayError(
          .busy, "image \(pool.name)/\(name) was replaced while it was looked at", object: "\(pool.name)/\(name)", hint: "try again")
      }
      // Whoever still has it open, a dead client's watch for half a minute: the name is free at once.
      try await claim.check()
      try await discard(name, id: id, context)
    }
  }

  /// Removes what may be left of an image whose making was cut off, also inside librbd; nothing is no error.
  ///
  /// A dead client's watch keeps an image in use until the OSD gives the client up (`osd_client_watch_timeout`, 30 s): that is waited for.
  func removeStub(_ name: DiskName, _ claim: RBDClaim, _ context: RequestContext) async throws {
    let limit = context.deadline.capped(.seconds(45))
    while true {
      do {
        return try await pool.remove(name.text)
      } catch let error as SlipwayError {
        if error.cephErrno == 2 { return }
        guard error.cephErrno == 16, !limit.hasPassed else { throw error }
      }
      context.progress(Progress(phase: .waiting))
      try await claim.check()
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// Ends a claim after a failure. While an image of ours lies there without a record, the intent stays: it alone says whose it is.
  func end(_ claim: RBDClaim, _ name: DiskName, after error: any Error) async {
    let disks = self
    let makers = claim.deadMakers + [pool.cluster.instance]
    // A cluster that has just not answered is not asked again.
    if let known = error as? SlipwayError, known.code == .clusterUnreachable || known.cephErrno == 110 {
      return await claim.release(keepingIntent: true)
    }
    let keep = await Task {
      switch try? await disks.occupant(name) {
      case .foreign(let id): makers.contains { Self.imageID(id, isOf: $0) }
      case .nobody, .ours: false
      case nil: true
      }
    }.value
    await claim.release(keepingIntent: keep)
  }
}
