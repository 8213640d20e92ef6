internal import Ceph
internal import Configuration
internal import Disks
internal import Model
internal import OpenStack
internal import Runtime

extension Agent {
  /// Whether disks can be uploaded by clone: the user, what it may do, and a store of the image service's in this cluster.
  func diagnoseUpload(_ settings: Configuration.Cluster, _ context: RequestContext) async -> [Diagnosis] {
    let name = "cluster \(settings.name), upload user"
    guard let user = settings.uploadUser else {
      return [
        Diagnosis(
          name: name, status: .warning,
          detail: "enable_clone_upload is on, and the cluster has no upload_user: every upload sends its bytes",
          hint: "make one (etc/ceph/make-users --upload) and name it with upload_user")
      ]
    }
    let (disks, images) = (configuration.disks.pool, settings.imagePools ?? [])
    let caps = images.map { "profile rbd pool=\($0)" } + ["profile rbd-read-only pool=\(disks)"]
    let check = await attempt(name, hint: "give client.\(user) the caps mon 'profile rbd' osd '\(caps.joined(separator: ", "))'", context) {
      let cluster = try await self.clusters.connect(settings.name, as: user, deadline: context.deadline)
      try await self.withPools([disks] + images, of: cluster) { pools in
        _ = try await pools[0].images()
        // Nothing is changed: no object of that name is ever made, and only who may write is told so.
        for pool in pools.dropFirst() { try await pool.removeObject("slipway.doctor") }
      }
      return "client.\(user) writes \(images.joined(separator: ", ")) and reads \(disks)"
    }
    guard check.status == .ok, configuration.enableCloneUpload else { return [check] }
    return [check, await diagnoseUploadStore(settings, context)]
  }

  private func diagnoseUploadStore(_ settings: Configuration.Cluster, _ context: RequestContext) async -> Diagnosis {
    let name = "store for uploads"
    do {
      let late = SlipwayError(.timeout, "it did not answer in time", object: name)
      let plan = try await context.deadline.race(orThrow: late) {
        let cluster = try await self.clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
        return try UploadPlan.decide(
          .raw, wanted: self.configuration.upload.store, stores: try await self.imageService().stores(context: context), cluster: settings,
          fsid: cluster.fsid, isEnabled: true)
      }
      guard plan.reason == .ok, let pool = plan.pool else {
        return Diagnosis(
          name: name, status: .warning, detail: "uploads send their bytes: \(plan.detail ?? plan.reason.rawValue)",
          hint: "an RBD store in the disks' cluster is needed, and a role that may ask for it ('service' or 'admin')")
      }
      let reads =
        configuration.upload.flatten == .before ? "" : "; the image service's own user must read pool '\(configuration.disks.pool)', too"
      return Diagnosis(
        name: name, status: .ok, detail: "store '\(plan.store?.id ?? "")' is pool '\(pool)' of cluster '\(settings.name)'\(reads)",
        hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .failed, detail: error.message, hint: error.hint)
    }
  }
}
