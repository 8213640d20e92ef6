internal import ImageStore
internal import Files
internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import OpenStack
internal import PoolStore
public import Runtime

/// One dependency that was tried, and what to do about it.
public struct Diagnosis: Sendable, Hashable {
  /// How it stands.
  public enum Status: String, Sendable, Hashable { case ok, warning, failed }
  /// What was tried.
  public let name: String
  /// How it stands.
  public let status: Status
  /// What was found.
  public let detail: String
  /// What to do.
  public let hint: String?
}

extension Agent {
  /// Tries everything that this host depends on, all at once, none beyond the context's deadline; nothing is changed but the store's directory,
  /// made if missing.
  public func diagnose(context: RequestContext) async -> [Diagnosis] {
    var checks: [@Sendable () async -> [Diagnosis]] = [
      { await self.diagnoseStore(context) }, { await self.diagnoseDisks(context) },
    ]
    if configuration.clusters.isEmpty { checks.append { Self.noCluster } }
    for settings in configuration.clusters { checks.append { await self.diagnoseCluster(settings, context) } }
    checks.append { await self.diagnoseConversion(context) }
    checks.append { await self.diagnoseImageService(context) }
    checks.append { await self.diagnoseVolumes(context) }
    checks.append { await self.diagnoseTrust(context) }
    checks.append { await self.diagnoseLibvirt(context) }
    checks.append { await self.diagnoseProtection(context) }
    checks.append { await self.diagnoseAppArmor(context) }
    return await together(checks)
  }

  /// Runs all checks at once; what they found, in their order.
  private func together(_ checks: [@Sendable () async -> [Diagnosis]]) async -> [Diagnosis] {
    await withTaskGroup(of: (Int, [Diagnosis]).self) { group in
      for (index, check) in checks.enumerated() { group.addTask { (index, await check()) } }
      var found: [Int: [Diagnosis]] = [:]
      for await (index, diagnoses) in group { found[index] = diagnoses }
      return checks.indices.flatMap { found[$0] ?? [] }
    }
  }

  /// One check, given up at the deadline even where it hangs in a library.
  func attempt(
    _ name: String, hint: String? = nil, _ context: RequestContext, _ body: @escaping @Sendable () async throws -> String
  ) async -> Diagnosis {
    do {
      let late = SlipwayError(.timeout, "it did not answer in time", object: name)
      return Diagnosis(name: name, status: .ok, detail: try await context.deadline.race(orThrow: late, body), hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .failed, detail: error.message, hint: error.hint ?? hint)
    }
  }

  private func diagnoseStore(_ context: RequestContext) async -> [Diagnosis] {
    let check = await attempt("store", hint: "check store.path and its permissions", context) {
      let store = try await self.store(context)
      let free = try await store.available().map { ", \($0) free" } ?? ""
      return "\(store.path) can be written\(free)"
    }
    return [check]
  }

  private func diagnoseDisks(_ context: RequestContext) async -> [Diagnosis] {
    let check = await attempt("disks directory", hint: "check disks.path and its permissions", context) {
      let disks = try await self.fileDisks()
      try await self.files.run { try disks.directory.checkWritable() }
      return "\(disks.directory.path) can be written"
    }
    return [check]
  }

  private static let noCluster = [
    Diagnosis(
      name: "ceph", status: .warning, detail: "no Ceph cluster is configured",
      hint: "name one under 'clusters' to clone and export from RBD")
  ]

  private func diagnoseCluster(_ settings: Configuration.Cluster, _ context: RequestContext) async -> [Diagnosis] {
    let first = await attempt("cluster \(settings.name)", context) {
      let cluster = try await self.clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
      return "fsid \(cluster.fsid), as client.\(settings.user)"
    }
    // What hangs on a cluster that is away would only say so again.
    guard first.status == .ok else { return [first] }
    var checks: [@Sendable () async -> [Diagnosis]] = []
    if settings.imageUser != settings.user { checks.append { [await self.diagnoseImageUser(settings, context)] } }
    if settings.name == configuration.disks.cluster, configuration.enableCloneUpload || settings.uploadUser != nil {
      checks.append { await self.diagnoseUpload(settings, context) }
    }
    for pool in settings.imagePools ?? [] { checks.append { [await self.diagnoseImagePool(pool, settings, context)] } }
    if settings.name == configuration.disks.cluster, configuration.disks.target == .rbd {
      checks.append { [await self.diagnoseDiskPool(settings, context)] }
      if configuration.onNotCloneable == .fallback, settings.name == configuration.bases.cluster {
        for tier in configuration.bases.tiers { checks.append { [await self.diagnoseBasePool(tier, settings, context)] } }
      }
    }
    return [first] + (await together(checks))
  }

  private func diagnoseImageUser(_ settings: Configuration.Cluster, _ context: RequestContext) async -> Diagnosis {
    await attempt("cluster \(settings.name), image user", context) {
      _ = try await self.clusters.connect(settings.name, as: settings.imageUser, deadline: context.deadline)
      return "connected as client.\(settings.imageUser)"
    }
  }

  private func diagnoseDiskPool(_ settings: Configuration.Cluster, _ context: RequestContext) async -> Diagnosis {
    let name = configuration.disks.pool
    return await attempt("pool \(name)", hint: "check the caps of client.\(settings.user)", context) {
      let disks = try await self.rbdDisks(context)
      let count: Int
      do {
        count = try await disks.pool.images().count
        await disks.pool.close()
      } catch {
        await disks.pool.close()
        throw error
      }
      return "pool '\(name)' of cluster '\(settings.name)' holds \(count) images"
    }
  }

  /// Without it disks are made all the same, but only of images that can be cloned where they lie.
  private func diagnoseBasePool(
    _ tier: Configuration.Tier, _ settings: Configuration.Cluster, _ context: RequestContext
  ) async -> Diagnosis {
    let name = tier.pool
    let isThere = Locked(false)
    let check = await attempt("pool \(name)", hint: "check the caps of client.\(settings.user)", context) {
      let count = Locked(0)
      try await self.withPresentPool(tier, context) { store in
        let bases = try await store.list()
        isThere.with { $0 = true }
        count.with { $0 = bases.count }
      }
      return "pool '\(name)' of cluster '\(settings.name)' holds \(count.with { $0 }) bases"
    }
    guard check.status == .ok, !isThere.with({ $0 }) else { return check }
    return Diagnosis(
      name: check.name, status: .warning, detail: "there is no pool '\(name)' for bases: images that cannot be cloned make no disks on RBD",
      hint: "ceph osd pool create \(name) && rbd pool init \(name), and give client.\(settings.user) 'profile rbd pool=\(name)'")
  }

  /// Every user that will read the pool must be able to: a clone over a parent that the disk's user cannot read opens for nobody.
  private func diagnoseImagePool(_ name: String, _ settings: Configuration.Cluster, _ context: RequestContext) async -> Diagnosis {
    await attempt("image pool \(name)", hint: "give it 'profile rbd-read-only pool=\(name)'", context) {
      for user in Set([settings.user, settings.imageUser]).sorted() {
        let cluster = try await self.clusters.connect(settings.name, as: user, deadline: context.deadline)
        let pool = try await cluster.pool(name)
        do {
          _ = try await pool.images()
          await pool.close()
        } catch {
          await pool.close()
          throw error
        }
      }
      return "pool '\(name)' of cluster '\(settings.name)' can be read"
    }
  }

  private func diagnoseImageService(_ context: RequestContext) async -> [Diagnosis] {
    let isConfigured = configuration.images.cloud != nil || configuration.images.endpoint != nil || environment["OS_AUTH_URL"] != nil
    guard isConfigured else {
      return [
        Diagnosis(
          name: "image service", status: .warning, detail: "no image service is configured; only paths and URLs can be used",
          hint: "set images.cloud to a cloud of clouds.yaml, or images.endpoint")
      ]
    }
    do {
      let late = SlipwayError(.timeout, "the image service did not answer in time")
      let probe = try await context.deadline.race(orThrow: late) { try await self.imageService().probe(context: context) }
      let who = [probe.user, probe.identity].compactMap { $0 }.first.map { ", as \($0)" } ?? ""
      var found = [
        Diagnosis(
          name: "image service", status: .ok,
          detail: "\(probe.endpoint)\(who), API \(probe.versions.first ?? "unknown")"
            + (probe.roles.isEmpty ? "" : ", roles \(probe.roles.joined(separator: ", "))"), hint: nil)
      ]
      let hint = "give the credentials the role 'service' (Glance 2.17 and later), or set show_multiple_locations in Glance"
      switch probe.locations {
      case .shown:
        found.append(Diagnosis(name: "image locations", status: .ok, detail: "Glance shows them to these credentials", hint: nil))
      case .hidden:
        found.append(
          Diagnosis(
            name: "image locations", status: .warning,
            detail: "Glance shows these credentials no locations, so every fetch would be a download over HTTP", hint: hint))
      case .untried(let likely):
        found.append(
          Diagnosis(
            name: "image locations", status: likely ? .ok : .warning,
            detail: "no active image is visible to try with; by version and roles they should\(likely ? "" : " not") be shown",
            hint: likely ? nil : hint))
      }
      return found
    } catch {
      let error = SlipwayError.wrap(error)
      return [Diagnosis(name: "image service", status: .failed, detail: error.message, hint: error.hint)]
    }
  }
}
