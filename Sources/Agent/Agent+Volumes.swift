internal import Ceph
internal import Configuration
internal import Disks
internal import ImageTrust
internal import Model
internal import Planner
internal import Runtime
internal import Transports

extension Agent {
  /// A copy-on-write clone of a Cinder volume's RBD image: of a snapshot of ours, which is removed again at once so that Cinder can delete the volume as
  /// ever. Hence the clone is of format 2, whatever the cluster's configuration says.
  ///
  /// Throws `source_not_found` for a volume that was replaced or removed since it was looked at.
  func cloneOfVolume(
    _ name: DiskName, _ image: ResolvedImage, _ choice: Choice, _ size: ByteCount?, _ start: ContinuousClock.Instant,
    _ context: RequestContext
  ) async throws -> DiskAnswer {
    guard let volume = choice.volume, let facts = choice.facts, let volumeSize = facts.size else {
      throw SlipwayError(.internalError, "a clone of a volume names none", object: image.key)
    }
    try Self.judgeClone(image)
    try image.rule.judge(virtualSize: volumeSize, of: image.key)
    // A name that is taken is told before the volume is touched.
    if let found = try await standing(name, image, size, start, context) { return found }
    return try await withRBDDisks(context) { disks in
      try await withVolumeSnapshot(volume, facts, in: disks.pool.cluster, context) { snapshot in
        let record = DiskRecord(
          name: name, request: DiskRequest(image: image.requestKey, target: .rbd, size: size ?? ByteCount(snapshot.size)),
          route: choice.route, source: choice.location?.description, base: nil, created: Self.timestamp())
        let parent = CloneParent(
          pool: snapshot.pool, location: snapshot.location, size: snapshot.size, order: snapshot.order, version: snapshot.version,
          depth: facts.depth, cloneFormat: 2)
        let (info, outcome) = try await disks.clone(record, from: parent, context: context)
        return DiskAnswer(info: info, outcome: outcome, route: choice.route, duration: ContinuousClock.now - start)
      }
    }
  }

  /// The stored bytes of an image in a volume, from a snapshot of ours that goes when the source is closed.
  func openVolume(_ choice: Choice, _ image: ResolvedImage, _ context: RequestContext) async throws -> OpenedSource {
    guard let name = choice.cluster, let volume = choice.volume, let facts = choice.facts else {
      throw SlipwayError(.internalError, "an export of a volume names none", object: image.key)
    }
    // A snapshot is taken by whoever may write there.
    let cluster = try await clusters.connect(name, as: try clusters.configured(name).user, deadline: context.deadline)
    let (pool, snapshot) = try await volumeSnapshot(volume, facts, in: cluster)
    do {
      let source = try await RBDSource.open(snapshot.location, in: cluster)
      let estimate = try? await source.estimate()
      let size = image.description.size?.bytes ?? source.size
      return OpenedSource(
        kind: .random(PrefixSource(source, size: size)), objectSize: source.objectSize, estimate: estimate.map { min($0, size) },
        close: {
          await source.close()
          await Self.giveBack(snapshot, context)
          await pool.close()
        })
    } catch {
      await Self.giveBack(snapshot, context)
      await pool.close()
      throw error
    }
  }

  private func withVolumeSnapshot<Value: Sendable>(
    _ volume: VolumeImage, _ facts: ProbeFacts, in cluster: Cluster, _ context: RequestContext,
    _ body: (BorrowedSnapshot) async throws -> Value
  ) async throws -> Value {
    let (pool, snapshot) = try await volumeSnapshot(volume, facts, in: cluster)
    let result: Result<Value, any Error>
    do {
      result = .success(try await body(snapshot))
    } catch {
      result = .failure(error)
    }
    await Self.giveBack(snapshot, context)
    await pool.close()
    return try result.get()
  }

  private func volumeSnapshot(_ volume: VolumeImage, _ facts: ProbeFacts, in cluster: Cluster) async throws -> (Pool, BorrowedSnapshot) {
    let pool = try await cluster.pool(volume.pool)
    do {
      // What was looked at: fsid, pool id, image id.
      let parts = (facts.version ?? "").split(separator: " ").map(String.init)
      guard parts.count == 3, parts[0] == cluster.fsid.text, parts[1] == String(pool.id) else {
        throw SlipwayError(
          .sourceNotFound, "pool '\(volume.pool)' was replaced while it was looked at", object: volume.pool, hint: "try again")
      }
      return (pool, try await BorrowedSnapshot.take(of: volume.image, id: parts[2], in: pool))
    } catch var error as SlipwayError where error.code == .permissionDenied {
      await pool.close()
      error.hint =
        "give client.\(cluster.options.user) 'profile rbd pool=\(volume.pool)': a volume is cloned and read from a snapshot of ours"
      throw error
    } catch {
      await pool.close()
      throw error
    }
  }

  private static func giveBack(_ snapshot: BorrowedSnapshot, _ context: RequestContext) async {
    guard await !snapshot.release() else { return }
    context.log(
      .warning, "a snapshot of a volume could not be removed; cleaning will", ["snapshot": snapshot.location.description])
  }
}

extension Agent {
  /// Removes the snapshots of volumes whose takers have ended. A cluster that is away keeps nobody from cleaning the rest.
  func sweepVolumes(_ context: RequestContext) async {
    for backend in Set(configuration.cinderBackends.values) {
      do {
        let settings = try clusters.configured(backend.cluster)
        let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
        let pool = try await cluster.pool(backend.pool)
        do {
          let removed = try await BorrowedSnapshot.sweep(pool)
          if removed > 0 { context.log(.notice, "removed snapshots of volumes", ["pool": backend.pool, "count": "\(removed)"]) }
          await pool.close()
        } catch {
          await pool.close()
          throw error
        }
      } catch {
        context.log(
          .warning, "snapshots of volumes could not be looked for", ["pool": backend.pool, "error": "\(SlipwayError.wrap(error).message)"])
      }
    }
  }
}
