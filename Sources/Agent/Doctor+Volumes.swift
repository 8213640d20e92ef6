internal import Ceph
internal import Configuration
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Cinder and the pools behind its backends, where the configuration speaks of them.
  func diagnoseVolumes(_ context: RequestContext) async -> [Diagnosis] {
    let isAllowed = configuration.allowedDirectURLSchemes.contains("cinder")
    let backends = configuration.cinderBackends.sorted { $0.key < $1.key }
    guard isAllowed || !backends.isEmpty else { return [] }
    guard isAllowed, !backends.isEmpty else {
      return [
        Diagnosis(
          name: "volumes", status: .warning,
          detail: isAllowed
            ? "cinder:// locations are allowed, and no backend of Cinder is configured: none can be used"
            : "backends of Cinder are configured, and cinder:// locations are not allowed: none is used",
          hint: isAllowed
            ? "set cinder.backends, or take cinder out of allowed_direct_url_schemes" : "add cinder to allowed_direct_url_schemes")
      ]
    }
    var found = [await diagnoseVolumeService(context)]
    for (name, backend) in backends { found.append(await diagnoseBackend(name, backend, context)) }
    return found
  }

  private func diagnoseVolumeService(_ context: RequestContext) async -> Diagnosis {
    let name = "volume service"
    do {
      let late = SlipwayError(.timeout, "the volume service did not answer in time")
      let probe = try await context.deadline.race(orThrow: late) { try await self.volumeService().probe(context: context) }
      let version = probe.version.map { ", API \($0)" } ?? ""
      switch probe.showsHosts {
      case true?:
        return Diagnosis(
          name: name, status: .ok, detail: "\(probe.endpoint)\(version), tells these credentials where volumes lie", hint: nil)
      case nil:
        return Diagnosis(name: name, status: .ok, detail: "\(probe.endpoint)\(version), has no volume to try with", hint: nil)
      case false?:
        return Diagnosis(
          name: name, status: .warning,
          detail: "\(probe.endpoint)\(version) does not tell these credentials on which host a volume lies, so that none can be cloned",
          hint: "give them the role 'admin'")
      }
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .failed, detail: error.message, hint: error.hint)
    }
  }

  private func diagnoseBackend(_ name: String, _ backend: Configuration.CinderBackend, _ context: RequestContext) async -> Diagnosis {
    let check = "backend \(name)"
    do {
      let settings = try clusters.configured(backend.cluster)
      let late = SlipwayError(.timeout, "it did not answer in time", object: backend.pool)
      let count = try await context.deadline.race(orThrow: late) {
        let cluster = try await self.clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
        let pool = try await cluster.pool(backend.pool)
        do {
          let count = try await pool.images().count
          await pool.close()
          return count
        } catch {
          await pool.close()
          throw error
        }
      }
      return Diagnosis(
        name: check, status: .ok, detail: "pool '\(backend.pool)' of cluster '\(settings.name)' holds \(count) images", hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      let user = configuration.cluster(named: backend.cluster)?.user ?? "slipway"
      return Diagnosis(
        name: check, status: .failed, detail: error.message,
        hint: "check cinder.backends, and give client.\(user) 'profile rbd pool=\(backend.pool)'")
    }
  }
}
