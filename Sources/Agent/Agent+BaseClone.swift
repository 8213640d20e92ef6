internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import PoolStore
internal import Runtime

extension Agent {
  /// A copy-on-write clone of a base in the pool, which is found there or made now, once for the whole cluster.
  func cloneOfBase(
    _ name: DiskName, _ image: ResolvedImage, _ demand: Demand, _ size: ByteCount?, _ start: ContinuousClock.Instant,
    _ context: RequestContext
  ) async throws -> DiskAnswer {
    try Self.judgeSize(image, size)
    return try await withTiers(of: image, context) { tiers in
      // A name that is taken is told before anything is imported for it.
      if let found = try await standing(name, image, size, start, context) { return found }
      var attempt = 1
      while true {
        let (base, store, isMade) = try await poolBase(image, demand, in: tiers, context)
        let virtual = base.record.virtualSize
        var known = image
        known.description.virtualSize = virtual
        try Self.judgeSize(known, size)
        var record = DiskRecord(
          name: name, request: DiskRequest(image: image.requestKey, target: .rbd, size: size ?? virtual), route: .baseClone,
          source: base.record.source, base: base.path, created: Self.timestamp())
        record.evidence = base.record.evidence
        let made = record
        let parent = CloneParent(pool: store.pool, location: base.location, size: base.size, order: base.order, version: base.version)
        do {
          let (info, outcome) = try await withRBDDisks(context) { try await $0.clone(made, from: parent, context: context) }
          context.log(.info, "cloned a base", ["disk": info.path, "base": base.path, "imported": isMade ? "yes" : "no"])
          return DiskAnswer(info: info, outcome: outcome, route: .baseClone, duration: ContinuousClock.now - start)
        } catch let error as SlipwayError where (error.code == .sourceNotFound || error.code == .notCloneable) && attempt < 3 {
          // It was removed between its use was noted and the clone: it is brought again.
          attempt += 1
        }
      }
    }
  }

  /// The disk of that name, where it is there and was asked for in the same words; nil where it has to be made, or its size is not told. Throws
  /// `name_conflict`.
  func standing(
    _ name: DiskName, _ image: ResolvedImage, _ size: ByteCount?, _ start: ContinuousClock.Instant, _ context: RequestContext
  ) async throws -> DiskAnswer? {
    let found: DiskInfo
    do {
      found = try await withRBDDisks(context) { try await $0.show(name) }
    } catch let error as SlipwayError where error.code == .diskNotFound || error.code == .notOurs {
      return nil
    }
    guard found.state == .ready else { return nil }
    let wanted = DiskRequest(image: image.requestKey, target: .rbd, size: size ?? found.record.request.size)
    guard found.record.request == wanted else { throw found.record.conflict(at: found.path) }
    // Without a size the image's own is meant, which only the base tells.
    guard size != nil else { return nil }
    return DiskAnswer(info: found, outcome: .existing, route: nil, duration: ContinuousClock.now - start)
  }
}
