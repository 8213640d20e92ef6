internal import Ceph
internal import Foundation
public import Model
public import Runtime

extension PoolStore {
  /// The base of that name, ready to be cloned, its use noted; made by `make` where there is none, once for the whole cluster.
  ///
  /// While another host or process makes it, this waits, tells its progress, and takes over when that one dies. `make` fills an image of the
  /// draft, closes it, and returns what was verified; then the record is written, and the snapshot taken and protected, in this order. `accept`
  /// says whether a base that is there holds what is demanded today; where it does not, `renew` brings new evidence, under the claim.
  public func base(
    _ name: PoolBaseName, for image: ImageID?, context: RequestContext,
    accept: @Sendable (PoolBase) throws -> Bool,
    renew: @Sendable (PoolBase, PoolBaseDraft) async throws -> Evidence,
    make: @Sendable (PoolBaseDraft) async throws -> PoolBaseRecord
  ) async throws -> (base: PoolBase, isMade: Bool) {
    while true {
      // A hit takes no claim and waits for nobody.
      if let base = try await find(name), try accept(base), try await noteUse(base, image: image, isHit: true) { return (base, false) }
      let lease = try await ObjectLease.acquire(name.claim, in: pool, context: context) { try await tell(name, context) }
      let draft = PoolBaseDraft(name, self, lease)
      do {
        if let found = try await under(draft, name, image, context, accept, renew, make) {
          await draft.end()
          await lease.release()
          return found
        }
      } catch {
        await giveUp(draft, lease, context)
        throw error
      }
      await draft.end()
      await lease.release()
    }
  }

  private func under(
    _ draft: PoolBaseDraft, _ name: PoolBaseName, _ image: ImageID?, _ context: RequestContext,
    _ accept: @Sendable (PoolBase) throws -> Bool, _ renew: @Sendable (PoolBase, PoolBaseDraft) async throws -> Evidence,
    _ make: @Sendable (PoolBaseDraft) async throws -> PoolBaseRecord
  ) async throws -> (base: PoolBase, isMade: Bool)? {
    let intent = try await takeOver(draft)
    switch try await occupant(name) {
    case .ready(var base):
      // A mark that was lost, or that of an eviction that died before it took anything away.
      try await pool.setAttribute(name.claim, Mark.state, Mark.ready)
      if try !accept(base) {
        let evidence = try await renew(base, draft)
        base.record.evidence = evidence
        try await draft.lease.check()
        try await write(base.record)
      }
      guard try await noteUse(base, image: image, isHit: true) else { return nil }
      return (base, false)
    case .unfinished(let id, let isOurs):
      guard isOurs || intent.contains(where: { Image.isID(id, madeBy: $0) }) else { throw foreign(name) }
      context.log(.notice, "removing what a dead process left of a base", ["base": "\(pool.name)/\(name)", "image_id": id])
      _ = try await TrashQueue(pool).remove(name.image, id: id)
    case .nobody: break
    }
    var record = try await make(draft)
    context.progress(Progress(phase: .publishing, position: record.virtualSize.bytes, total: record.virtualSize.bytes))
    try await publish(&record, draft)
    guard case .ready(let base) = try await occupant(name), try await noteUse(base, image: image, isHit: false) else { return nil }
    return (base, true)
  }

  /// The record, then the snapshot, then its protection; only now there is a base.
  private func publish(_ record: inout PoolBaseRecord, _ draft: PoolBaseDraft) async throws {
    let image = try await pool.open(draft.name.image, readOnly: false)
    do {
      guard Image.isID(image.id, madeBy: pool.cluster.instance) else { throw lost(draft.name) }
      guard image.size == record.virtualSize.bytes else {
        throw SlipwayError(
          .sizeMismatch, "\(image.label) has \(image.size) bytes, and \(record.virtualSize.bytes) were written", object: image.label)
      }
      record.imageID = image.id
      try await image.setMetadata(Self.recordKey, try Self.encode(record))
      try await draft.lease.check()
      try await image.createSnapshot(PoolBase.snapshot)
      try await image.protect(snapshot: PoolBase.snapshot)
    } catch {
      await image.close()
      throw error
    }
    await image.close()
    try await pool.setAttribute(draft.name.claim, Mark.state, Mark.ready)
  }

  private func write(_ record: PoolBaseRecord) async throws {
    let image = try await pool.open(record.name.image, readOnly: false)
    do {
      guard image.id == record.imageID else { throw lost(record.name) }
      try await image.setMetadata(Self.recordKey, try Self.encode(record))
    } catch {
      await image.close()
      throw error
    }
    await image.close()
  }

  /// Writes down that this process is at work, before anything is made; the numbers of the clients whose leavings may lie under the name.
  private func takeOver(_ draft: PoolBaseDraft) async throws -> [UInt64] {
    try await draft.lease.check()
    let makers = Array((try await makers(draft.name) + [pool.cluster.instance]).suffix(32))
    guard let cookie = try await pool.attribute(draft.name.claim, "cookie") else { throw lost(draft.name) }
    try await pool.writeObject(
      draft.name.claim, Array(try Self.encode(makers).utf8), attribute: ("cookie", cookie), removing: Mark.work)
    return makers
  }

  /// The numbers of the clients that have begun to make a base of that name.
  func makers(_ name: PoolBaseName) async throws -> [UInt64] {
    let bytes = try await pool.readObject(name.claim) ?? []
    return (try? JSONDecoder().decode([UInt64].self, from: Data(bytes))) ?? []
  }

  /// After a failure, also once cancelled: what was half-made goes, or the next one takes it away.
  private func giveUp(_ draft: PoolBaseDraft, _ lease: ObjectLease, _ context: RequestContext) async {
    await Task {
      await draft.end()
      do {
        try await draft.discard()
      } catch {
        context.log(
          .warning, "a half-made base could not be taken back; the next request for it will",
          ["base": "\(draft.store.pool.name)/\(draft.name)", "error": "\(error)"])
      }
      await lease.release()
    }.value
  }

  private func tell(_ name: PoolBaseName, _ context: RequestContext) async throws {
    let mark = try await pool.attribute(name.claim, Mark.work).flatMap { try? JSONDecoder().decode(WorkMark.self, from: Data($0.utf8)) }
    context.progress(Progress(phase: .waiting, position: mark?.position ?? 0, total: mark?.total))
  }

  func foreign(_ name: PoolBaseName) -> SlipwayError {
    SlipwayError(
      .notOurs, "image \(pool.name)/\(name) exists and was not made by Slipway", object: "\(pool.name)/\(name)",
      hint: "it is left alone; look at it with 'rbd info \(pool.name)/\(name)'")
  }

  private func lost(_ name: PoolBaseName) -> SlipwayError {
    SlipwayError(.busy, "the claim on base \(pool.name)/\(name) was lost to another process", object: name.image, hint: "try again")
  }
}
