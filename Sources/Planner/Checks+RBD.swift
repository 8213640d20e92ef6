import Model

extension Checks {
  /// A clone: raw bytes, in the target cluster, in an allowed pool, readable with the credentials that will open the disk.
  func clone(_ rbd: RBDLocation) throws(Stop) -> Finding {
    try formats(clone: true)
    let cluster = try resolved(rbd, cloneTarget())
    try pool(rbd, cluster)
    try sizes(image.knownVirtualSize)
    let facts = try answer(.rbdSnapshot(cluster: cluster.name, location: rbd, as: .diskUser))
    try found(facts, at: "the snapshot \(rbd)")
    if facts.cloneNeedsProtection, !facts.isProtected {
      throw .refused(.snapshotNotProtected, "the snapshot \(rbd) is not protected, and clones of format 1 need that")
    }
    return Finding(cluster: cluster.name, rbd: rbd, facts: facts)
  }

  /// An export: from whichever configured cluster has the location's fsid.
  func export(_ rbd: RBDLocation) throws(Stop) -> Finding {
    try formats(clone: false)
    let cluster = try resolved(rbd, nil)
    try pool(rbd, cluster)
    try sizes(image.knownVirtualSize)
    let facts = try answer(.rbdSnapshot(cluster: cluster.name, location: rbd, as: .imageUser))
    try found(facts, at: "the snapshot \(rbd)")
    return Finding(cluster: cluster.name, rbd: rbd, facts: facts)
  }

  func cloneTarget() throws(Stop) -> KnownCluster {
    guard let name = policy.targetCluster, let cluster = policy.clusters.first(where: { $0.name == name }) else {
      throw .refused(.unknownCluster, "no cluster is configured for disks")
    }
    return cluster
  }

  private func pool(_ rbd: RBDLocation, _ cluster: KnownCluster) throws(Stop) {
    if let allowed = cluster.imagePools, !allowed.contains(rbd.pool) {
      throw .refused(.poolNotAllowed, "the pool '\(rbd.pool)' is not among image_pools of cluster \(cluster.name)")
    }
  }

  /// The cluster that the location lies in: `target` or none where one is given, else any of ours.
  ///
  /// A cluster's fsid is asked for only when none that is known matches. While that question is open, or its answer is "not now", the checks
  /// that no answer could change go first: what they refuse is refused for good.
  private func resolved(_ rbd: RBDLocation, _ target: KnownCluster?) throws(Stop) -> KnownCluster {
    do throws(Stop) {
      return try lookUp(rbd, target)
    } catch {
      if error.isOpen {
        if let target { try pool(rbd, target) }
        try sizes(image.knownVirtualSize)
      }
      throw error
    }
  }

  private func lookUp(_ rbd: RBDLocation, _ target: KnownCluster?) throws(Stop) -> KnownCluster {
    let wanted = FSID(rbd.fsid)
    let none =
      target.map { Stop.refused(.fsidMismatch, "\(rbd) lies in cluster \(rbd.fsid), and disks are made in cluster \($0.name)") }
      ?? Stop.refused(.unknownCluster, "no configured cluster has the fsid \(rbd.fsid)")
    guard let wanted else { throw none }
    if let match = policy.clusters.first(where: { fsid($0) == wanted }) {
      guard let target, match.name != target.name else { return match }
      // The same cluster may be configured under two names.
      if fsid(target) == wanted { return target }
      throw none
    }
    var failed: Stop?
    for cluster in target.map({ [$0] }) ?? policy.clusters where cluster.fsid == nil {
      switch answers[.fsid(cluster: cluster.name)] {
      case nil: throw .needs(.fsid(cluster: cluster.name))
      case .fsid: continue
      case .refused(let reason, let detail):
        // Whatever kept the cluster from answering, its fsid is unknown for now: no verdict on the location is final.
        let told = reason.isTransient ? reason : .clusterUnreachable
        failed = failed ?? .refused(told, "the fsid of cluster \(cluster.name) is unknown: \(detail ?? reason.rawValue)")
      case .facts, .volume: failed = failed ?? .refused(.clusterUnreachable, "the fsid of cluster \(cluster.name) is unknown")
      }
    }
    throw failed ?? none
  }

  private func fsid(_ cluster: KnownCluster) -> FSID? {
    if let fsid = cluster.fsid { return fsid }
    if case .fsid(let told) = answers[.fsid(cluster: cluster.name)] { return told }
    return nil
  }
}

extension Stop {
  /// Whether a later answer could still change it.
  fileprivate var isOpen: Bool {
    switch self {
    case .needs: true
    case .refused(let reason, _): reason.isTransient
    }
  }
}
