internal import ImageStore
internal import Files
internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import OpenStack
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
  /// Tries everything that this host depends on, each within its own timeout; nothing is changed but the store's directory, made if missing.
  public func diagnose(context: RequestContext) async -> [Diagnosis] {
    async let ceph = diagnoseClusters(context)
    async let service = diagnoseImageService(context)
    async let local = diagnoseDirectories(context)
    return await local + ceph + service
  }

  private func attempt(_ name: String, hint: String? = nil, _ body: () async throws -> String) async -> Diagnosis {
    do {
      return Diagnosis(name: name, status: .ok, detail: try await body(), hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .failed, detail: error.message, hint: error.hint ?? hint)
    }
  }

  private func diagnoseDirectories(_ context: RequestContext) async -> [Diagnosis] {
    var found: [Diagnosis] = []
    found.append(
      await attempt("store", hint: "check store.path and its permissions") {
        let store = try await self.store(context)
        let free = try await store.available().map { ", \($0) free" } ?? ""
        return "\(store.path) can be written\(free)"
      })
    found.append(
      await attempt("disks directory", hint: "check disks.path and its permissions") {
        let disks = try await self.fileDisks()
        try await self.files.run { try disks.directory.checkWritable() }
        return "\(disks.directory.path) can be written"
      })
    return found
  }

  private func diagnoseClusters(_ context: RequestContext) async -> [Diagnosis] {
    guard !configuration.clusters.isEmpty else {
      return [
        Diagnosis(
          name: "ceph", status: .warning, detail: "no Ceph cluster is configured",
          hint: "name one under 'clusters' to clone and export from RBD")
      ]
    }
    var found: [Diagnosis] = []
    for settings in configuration.clusters {
      found.append(
        await attempt("cluster \(settings.name)") {
          let cluster = try await self.clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
          return "fsid \(cluster.fsid), as client.\(settings.user)"
        })
      guard found.last?.status == .ok else { continue }
      if settings.imageUser != settings.user {
        found.append(
          await attempt("cluster \(settings.name), image user") {
            _ = try await self.clusters.connect(settings.name, as: settings.imageUser, deadline: context.deadline)
            return "connected as client.\(settings.imageUser)"
          })
      }
      for pool in settings.imagePools ?? [] { found.append(await diagnoseImagePool(pool, settings, context)) }
      if settings.name == configuration.disks.cluster, configuration.disks.target == .rbd {
        found.append(
          await attempt("pool \(configuration.disks.pool)", hint: "check the caps of client.\(settings.user)") {
            let disks = try await self.rbdDisks(context)
            let count: Int
            do {
              count = try await disks.pool.images().count
              await disks.pool.close()
            } catch {
              await disks.pool.close()
              throw error
            }
            return "pool '\(self.configuration.disks.pool)' of cluster '\(settings.name)' holds \(count) images"
          })
      }
    }
    return found
  }

  /// Every user that will read the pool must be able to: a clone over a parent that the disk's user cannot read opens for nobody.
  private func diagnoseImagePool(_ name: String, _ settings: Configuration.Cluster, _ context: RequestContext) async -> Diagnosis {
    await attempt("image pool \(name)", hint: "give it 'profile rbd-read-only pool=\(name)'") {
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
      let probe = try await imageService().probe(context: context)
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
