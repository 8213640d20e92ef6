public import Ceph
public import Model
internal import Runtime

/// A base that is being made, under its claim: an image without its snapshot, which nobody clones.
public final class PoolBaseDraft: Sendable {
  /// The base's name.
  public let name: PoolBaseName
  let store: PoolStore
  let lease: ObjectLease
  private let progress = Locked<Progress?>(nil)
  private let reporter = Locked<Task<Void, Never>?>(nil)

  init(_ name: PoolBaseName, _ store: PoolStore, _ lease: ObjectLease) {
    self.name = name
    self.store = store
    self.lease = lease
    let (pool, object, progress) = (store.pool, name.claim, progress)
    let task = Task {
      var told: Progress?
      while (try? await Task.sleep(for: .seconds(1))) != nil {
        guard let now = progress.with({ $0 }), now != told, let text = try? PoolStore.encode(WorkMark(now)) else { continue }
        try? await pool.setAttribute(object, Mark.work, text)
        told = now
      }
    }
    reporter.with { $0 = task }
  }

  /// Tells those who wait for this base how far it is, on every host.
  public func report(_ progress: Progress) { self.progress.with { $0 = progress } }

  /// An empty image of `size` bytes, open for writing, in place of what an earlier attempt left. The caller closes it.
  ///
  /// Throws `no_space`, `busy` when the claim was lost, `permission_denied`.
  public func image(size: ByteCount) async throws -> Image {
    try await discard()
    try await lease.check()
    let cluster = store.pool.cluster
    let options = CloneOptions(features: cluster.defaultFeatures, order: cluster.defaultOrder, dataPool: store.dataPool)
    do {
      try await TrashQueue(store.pool).freeing(name.image) { try await store.pool.create(name.image, size: size, options: options) }
    } catch let error as SlipwayError where error.cephErrno == 17 {
      // A maker that was killed within librbd leaves names that lead to no image: only where another is known to have begun, and none opens.
      guard try await store.makers(name).contains(where: { $0 != cluster.instance }), case .nobody = try await store.occupant(name) else {
        throw error
      }
      try await lease.check()
      try await store.pool.remove(name.image)
      try await store.pool.create(name.image, size: size, options: options)
    }
    return try await store.pool.open(name.image, readOnly: false)
  }

  /// A clone of a snapshot in a pool of the same connection, in place of an image that is filled: whoever asks for it sees to it that the clone is freed
  /// from there in time.
  public func adopt(_ location: RBDLocation, of parent: Pool, order: Int32) async throws {
    try await discard()
    try await lease.check()
    let cluster = store.pool.cluster
    // With deep-flatten the snapshot of the base goes free of the parent, too.
    let options = CloneOptions(features: cluster.defaultFeatures | 32, order: max(order, cluster.defaultOrder), dataPool: store.dataPool)
    try await store.pool.clone(
      from: parent, image: location.image, snapshot: location.snapshot, to: name.image, options: options)
  }

  /// Takes back what this claim's holder made, if anything: it goes to the trash, so that the next attempt need not wait for its end.
  public func discard() async throws {
    switch try await store.occupant(name) {
    case .nobody, .ready: return
    case .unfinished(let id, _):
      guard Image.isID(id, madeBy: store.pool.cluster.instance) else { return }
      _ = try await TrashQueue(store.pool).remove(name.image, id: id)
    }
  }

  func end() async {
    let task = reporter.with { $0 }
    task?.cancel()
    await task?.value
    try? await store.pool.removeAttribute(name.claim, Mark.work)
  }
}

/// How far a holder is, as its mark tells it.
struct WorkMark: Codable {
  var phase: Progress.Phase
  var position: Int64
  var total: Int64?

  init(_ progress: Progress) {
    phase = progress.phase
    position = progress.position
    total = progress.total
  }
}
