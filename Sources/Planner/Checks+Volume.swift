import Model

/// Images whose bytes are a Cinder volume. (Rule: Cinder `_clone_image_volume`: raw and bare, a volume of a backend that is at hand, and of a project that
/// may give the image.)
extension Checks {
  /// A clone of the volume's RBD image, in the target cluster.
  func cinderClone(_ id: String) throws(Stop) -> Finding {
    try formats(clone: true)
    let target = try cloneTarget()
    if request.provesClones {
      throw .refused(
        .volumeMutable,
        "image \(image.label) is to be proved before it is cloned, and the bytes of volume \(id) may change after that: it is imported instead"
      )
    }
    try sizes(image.knownVirtualSize)
    let (backend, volume) = try volume(id)
    guard isSame(backend.cluster, target) else {
      throw .refused(
        .fsidMismatch, "volume \(id) lies in cluster \(backend.cluster), and disks are made in cluster \(target.name)")
    }
    return try found(volume, in: target.name, id)
  }

  /// A read of the volume's RBD image, in whichever configured cluster it lies.
  func volumeExport(_ id: String) throws(Stop) -> Finding {
    try formats(clone: true)
    try sizes(image.knownVirtualSize)
    let (backend, volume) = try volume(id)
    return try found(volume, in: backend.cluster, id)
  }

  /// The volume, once it is one that may be used, and its backend.
  private func volume(_ id: String) throws(Stop) -> (VolumeBackend, VolumeImage) {
    if request.operatorLocations {
      throw .refused(
        .schemeUnsupported, "volume \(id) is no image by itself, since its bytes may change: name the image whose volume it is")
    }
    guard !policy.volumeBackends.isEmpty else {
      throw .refused(.backendNotAllowed, "volume \(id) lies in Cinder, and no backend of it is configured (cinder.backends)")
    }
    let facts: VolumeFacts
    switch answers[.volume(id: id)] {
    case nil: throw .needs(.volume(id: id))
    case .volume(let told): facts = told
    case .refused(let reason, let detail): throw .refused(reason.asRefusal, detail ?? "volume \(id): \(reason.rawValue)")
    case .fsid, .facts: throw .refused(.sourceUnreachable, "the probe was answered with something else")
    }
    if facts.encrypted { throw .refused(.encrypted, "volume \(id) is encrypted") }
    try owner(facts, id)
    guard Self.readable.contains(facts.status) else {
      throw .refused(.volumeNotReady, "volume \(id) is '\(facts.status)', and cannot be read so")
    }
    let backend = try backend(facts, id)
    return (backend, VolumeImage(pool: backend.pool, image: facts.imageName))
  }

  /// States in which a volume's bytes are all there.
  private static let readable: Set<String> = ["available", "in-use", "reserved", "attaching", "detaching", "uploading", "backing-up"]

  /// The volume belongs to the image's project, or says whose image it is.
  private func owner(_ facts: VolumeFacts, _ id: String) throws(Stop) {
    guard let owner = image.owner, owner == facts.project || owner == facts.imageOwner else {
      throw .refused(
        .ownerMismatch,
        "volume \(id) belongs to project \(facts.project ?? "unknown") and its image_owner is \(facts.imageOwner ?? "not set"), but image "
          + "\(image.label) to project \(image.owner ?? "unknown")")
    }
  }

  /// The configured backend of one of its hosts, with Cinder's pool in the name or without.
  private func backend(_ facts: VolumeFacts, _ id: String) throws(Stop) -> VolumeBackend {
    guard !facts.hosts.isEmpty else {
      throw .refused(
        .backendNotAllowed, "Cinder does not tell on which host volume \(id) lies, which only an administrator is told (role admin)")
    }
    for host in facts.hosts {
      let short = String(host.prefix { $0 != "#" })
      if let backend = policy.volumeBackends[host] ?? policy.volumeBackends[short] { return backend }
    }
    throw .refused(
      .backendNotAllowed, "volume \(id) lies on '\(facts.hosts.joined(separator: "', '"))', which is not among cinder.backends")
  }

  private func isSame(_ name: String, _ target: KnownCluster) -> Bool {
    if name == target.name { return true }
    // The same cluster may be configured under two names.
    guard let fsid = target.fsid else { return false }
    return policy.clusters.contains { $0.name == name && $0.fsid == fsid }
  }

  /// Volumes are whole GiB: theirs may be larger than the image, never smaller.
  private func found(_ volume: VolumeImage, in cluster: String, _ id: String) throws(Stop) -> Finding {
    let facts = try answer(.volumeImage(cluster: cluster, image: volume))
    if let size = facts.size, let told = image.size, told > size {
      throw .refused(
        .sizeMismatch, "volume \(id) has \(size.bytes) bytes, and image \(image.label) should have \(told.bytes)")
    }
    if let size = facts.size { try sizes(request.target == .rbd ? size : image.size ?? size) }
    return Finding(cluster: cluster, volume: volume, facts: facts)
  }
}
