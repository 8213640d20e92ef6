internal import Ceph
internal import Configuration
internal import Disks
public import Files
internal import ImageStore
internal import Libvirt
internal import Model
internal import OpenStack
public import Runtime

/// Whether one part that the agent stands on can be used.
public struct PartState: Sendable, Hashable {
  /// `store`, `ceph NAME`, `images` or `libvirt`.
  public let name: String
  /// Why it cannot; nil when it can.
  public let problem: String?
}

extension Agent {
  /// Makes this process the store's only daemon. Throws `busy` when another one is. Held as long as the answer.
  public func lockAsDaemon(_ context: RequestContext) async throws -> HeldLock {
    if let lock = try await store(context).daemonLock() { return lock }
    throw SlipwayError(
      .busy, "another daemon works on the store \(storePath)", object: storePath,
      hint: "stop it first (systemctl stop slipway), or give this one another store.path")
  }

  /// What the last daemon of this store left for the next one.
  public func handover(_ context: RequestContext) async throws -> [UInt8]? { try await store(context).handover() }

  /// Leaves that for the next one.
  public func setHandover(_ bytes: [UInt8]?, _ context: RequestContext) async throws { try await store(context).setHandover(bytes) }

  /// Makes the connections that disks and bases need, so that the first request finds them. What fails is made when it is wanted.
  public func warm(_ context: RequestContext) async {
    await withTaskGroup(of: Void.self) { group in
      for settings in configuration.clusters {
        for user in Set([settings.user, settings.imageUser]) {
          group.addTask { _ = try? await self.clusters.connect(settings.name, as: user, deadline: context.deadline) }
        }
      }
      await group.waitForAll()
    }
  }

  /// Looks at every kept connection to Ceph, and lets go of those that are broken for good: the next request makes a new one. A client that was
  /// blocklisted stays so; only a new one is let in.
  public func tendConnections(_ context: RequestContext) async {
    let pools = probePools
    for connection in clusters.open {
      let name = connection.name
      let start = ContinuousClock.now
      do {
        try await probe(connection.cluster, pools[name])
        Metric.clusterProbeSeconds.observe(ContinuousClock.now - start, name)
        Metric.clusterUp.set(1, name)
      } catch {
        Metric.clusterUp.set(0, name)
        let ours = SlipwayError.wrap(error)
        // ESHUTDOWN is what a blocklisted client gets, ENOTCONN one that was shut down: neither ever comes back.
        guard ours.cephErrno == 108 || ours.cephErrno == 107 else { continue }
        context.log(.warning, "a connection to Ceph is broken for good, and is made anew", ["cluster": name, "error": ours.message])
        clusters.drop(connection)
      }
    }
  }

  /// What `/readyz` tells of: the store, the clusters, the image service and libvirt.
  public func parts(_ context: RequestContext) async -> [PartState] {
    var context = context
    context.deadline = context.deadline.capped(.seconds(10))
    let limited = context
    return await withTaskGroup(of: PartState.self) { group in
      func add(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        group.addTask {
          do {
            let late = SlipwayError(.timeout, "it did not answer within 10 s")
            try await limited.deadline.race(orThrow: late) { try await body() }
            return PartState(name: name, problem: nil)
          } catch {
            return PartState(name: name, problem: SlipwayError.wrap(error).message)
          }
        }
      }
      add("store") { _ = try await self.store(limited).maintenance() }
      let pools = probePools
      for settings in configuration.clusters {
        add("ceph \(settings.name)") {
          let cluster = try await self.clusters.connect(settings.name, as: settings.user, deadline: limited.deadline)
          try await self.probe(cluster, pools[settings.name])
        }
      }
      if configuration.images.endpoint != nil || configuration.images.cloud != nil {
        add("images") { _ = try await self.imageService().probe(context: limited) }
      }
      if let libvirt {
        add("libvirt") { _ = try await libvirt.call("ask libvirt for its version", deadline: limited.deadline) { try $0.version() } }
      }
      var parts: [PartState] = []
      for await part in group { parts.append(part) }
      return parts.sorted { $0.name < $1.name }
    }
  }

  /// For each cluster a pool in which an object may be looked for.
  private var probePools: [String: String] {
    var pools: [String: String] = [:]
    for settings in configuration.clusters { pools[settings.name] = settings.imagePools?.first }
    if configuration.disks.target == .rbd { pools[configuration.disks.cluster] = configuration.disks.pool }
    return pools
  }

  /// One question to an OSD: only those refuse a client that is blocklisted.
  private func probe(_ cluster: Cluster, _ pool: String?) async throws {
    guard let pool else { return }
    let opened = try await cluster.pool(pool)
    do {
      _ = try await opened.readObject("slipway.probe")
      await opened.close()
    } catch let error as SlipwayError where error.code == .permissionDenied {
      // A user that may read only RBD's objects was answered all the same.
      await opened.close()
    } catch {
      await opened.close()
      throw error
    }
  }
}
