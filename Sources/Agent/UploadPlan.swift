internal import Configuration
internal import Model
internal import OpenStack

/// Whether a disk can be uploaded by clone, and where to.
struct UploadPlan: Sendable {
  /// The store that is asked for in so many words; nil leaves it to the service.
  var wanted: String?
  /// The store, where the service tells it.
  var store: GlanceStore?
  /// The pool of the image service's, where a clone can be.
  var pool: String?
  /// `ok`, or why there is no clone.
  var reason: Reason
  /// More about it, one clause.
  var detail: String?

  /// Decides. `stores` is nil where the service does not tell them. Throws `configuration` for a store that there is not.
  static func decide(
    _ format: UploadFormat, wanted: String?, stores: [GlanceStore]?, cluster: Configuration.Cluster, fsid: FSID, isEnabled: Bool
  ) throws(SlipwayError) -> UploadPlan {
    var plan = UploadPlan(wanted: wanted, reason: .ok)
    func refused(_ reason: Reason, _ detail: String) -> UploadPlan {
      var plan = plan
      plan.reason = reason
      plan.detail = detail
      return plan
    }
    if let stores {
      if let wanted {
        guard let found = stores.first(where: { $0.id == wanted }) else {
          throw SlipwayError(
            .configuration, "the image service has no store '\(wanted)'", object: wanted,
            hint: "choose one of: \(stores.map(\.id).joined(separator: ", "))")
        }
        plan.store = found
      } else {
        plan.store = stores.first(where: \.isDefault) ?? (stores.count == 1 ? stores.first : nil)
      }
    }
    guard isEnabled else { return refused(.cloneUploadOff, "enable_clone_upload is off") }
    guard format == .raw else { return refused(.notRaw, "the image is to be \(format.rawValue)") }
    guard cluster.uploadUser != nil else { return refused(.noUploadUser, "cluster '\(cluster.name)' has no upload_user") }
    guard let store = plan.store else { return refused(.storeUnknown, "the image service does not tell what lies behind its stores") }
    guard !store.isReadOnly, store.type == "rbd" || (store.type == nil && store.pool != nil) else {
      return refused(.storeNotRBD, "store '\(store.id)' is \(store.isReadOnly ? "read-only" : "of type \(store.type ?? "unknown")")")
    }
    guard let pool = store.pool, !pool.isEmpty else {
      return refused(.storeUnknown, "the image service does not tell the pool of store '\(store.id)'")
    }
    // Older releases tell no fsid: then the service itself sees whether the location is one of its own.
    if let told = store.fsid, told != fsid {
      return refused(.fsidMismatch, "store '\(store.id)' lies in the cluster with fsid \(told)")
    }
    if let allowed = cluster.imagePools, !allowed.contains(pool) {
      return refused(.poolNotAllowed, "pool '\(pool)' of store '\(store.id)' is not among image_pools")
    }
    plan.pool = pool
    return plan
  }
}
