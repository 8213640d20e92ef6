internal import Ceph
internal import Configuration
internal import Crypto
internal import Disks
internal import Libvirt
internal import LibvirtReport
internal import Model
internal import OpenStack
public import Runtime

extension Agent {
  /// Makes an image of a disk: by a clone in the image service's own pool where that can be, else by sending its bytes.
  ///
  /// Any failure leaves neither image nor clone nor snapshot; what a dead process left is finished or taken back by cleaning. With an id the same request
  /// again answers the image that is there. Throws `disk_not_found`, `in_use` for a local disk that is open, `name_conflict` for an id that another
  /// request has, `location_not_allowed` for a pool that is not configured, and what libvirt, Ceph and the image service throw.
  public func upload(_ request: UploadRequest, context: RequestContext) async throws -> UploadAnswer {
    let start = ContinuousClock.now
    context.progress(Progress(phase: .planning))
    let glance = try await imageService()
    let pool: String
    let name: String
    switch request.source {
    case .disk(let disk):
      let info = try await self.disk(disk, context: context)
      guard info.state == .ready else {
        throw SlipwayError(
          .busy, "disk \(info.path) is \(info.state.rawValue)", object: info.path, hint: "wait until it is done, and try again")
      }
      guard info.record.request.target == .rbd else {
        return try await FileUpload(agent: self, request: request, glance: glance, info: info, start: start, context: context).run()
      }
      (pool, name) = (configuration.disks.pool, disk.text)
    case .image(let place, let image):
      let allowed = configuration.cinderBackends.values.filter { $0.cluster == configuration.disks.cluster }.map(\.pool)
      guard place == configuration.disks.pool || allowed.contains(place) else {
        throw SlipwayError(
          .locationNotAllowed, "pool '\(place)' is neither disks.pool nor behind a backend of cinder.backends", object: place,
          hint: "name its backend under cinder.backends")
      }
      (pool, name) = (place, image)
    }
    let settings = try clusters.configured(configuration.disks.cluster)
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    let plan = try await uploadPlan(request, glance, settings, cluster.fsid, context)
    return try await withPools([pool, configuration.disks.pool], of: cluster) { pools in
      try await RBDUpload(
        agent: self, request: request, glance: glance, settings: settings, plan: plan, pool: pools[0], name: name,
        notes: UploadNotes(pools[1]), start: start, context: context
      ).run()
    }
  }

  private func uploadPlan(
    _ request: UploadRequest, _ glance: GlanceClient, _ settings: Configuration.Cluster, _ fsid: FSID, _ context: RequestContext
  ) async throws -> UploadPlan {
    let wanted = request.store ?? configuration.upload.store
    let stores = wanted != nil || configuration.enableCloneUpload ? try await glance.stores(context: context) : nil
    return try UploadPlan.decide(
      request.format, wanted: wanted, stores: stores, cluster: settings, fsid: fsid, isEnabled: configuration.enableCloneUpload)
  }

  /// Opens pools, in order, and closes them.
  func withPools<Value: Sendable>(
    _ names: [String], of cluster: Cluster, _ body: ([Pool]) async throws -> Value
  ) async throws -> Value {
    var pools: [Pool] = []
    do {
      for name in names { pools.append(try await cluster.pool(name)) }
      let value = try await body(pools)
      for pool in pools { await pool.close() }
      return value
    } catch {
      for pool in pools { await pool.close() }
      throw error
    }
  }

  /// Runs `body` with the file systems of those domains frozen by their guests' agents; they go on whatever happens.
  func withFrozen<Value: Sendable>(
    _ domains: [String], _ context: RequestContext, _ body: () async throws -> Value
  ) async throws -> Value {
    guard !domains.isEmpty else { return try await body() }
    let libvirt = try neededLibvirt("freeze the file systems of domain '\(domains[0])'")
    var frozen: [String] = []
    func thaw() async {
      let names = frozen
      await Task {
        for name in names {
          do {
            _ = try await libvirt.call("thaw the file systems of domain '\(name)'", timeout: .seconds(30)) { try $0.domain(name).thaw() }
          } catch {
            context.log(
              .error, "a guest's file systems are still frozen: virsh domfsthaw \(name)", ["domain": name, "error": "\(error)"])
          }
        }
      }.value
    }
    do {
      for name in domains {
        // One whose answer got lost may be frozen.
        frozen.append(name)
        _ = try await libvirt.call("freeze the file systems of domain '\(name)'", timeout: .seconds(30), deadline: context.deadline) {
          try $0.domain(name).freeze()
        }
      }
      let value = try await body()
      await thaw()
      return value
    } catch {
      await thaw()
      throw error
    }
  }

  /// Running domains with an RBD image, by name; none without libvirt.
  func domainsRunning(rbd path: String, _ context: RequestContext) async throws -> [String] {
    guard let libvirt else { return [] }
    return try await libvirt.call("ask which domain has \(path)", deadline: context.deadline) {
      try DomainView.all($0).filter { $0.running.contains { $0.source == .rbd(path) } }.map(\.name)
    }
  }

  /// What tells one request for an image from another, without telling what it is about.
  static func mark(_ request: UploadRequest, source: String) throws -> String {
    let words = [
      source, request.name, request.format.rawValue, request.store ?? "", request.visibility ?? "",
      request.properties.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","),
    ]
    return String(try Digest.of(Array(words.joined(separator: "\n").utf8), .sha256).hex.prefix(32))
  }
}
