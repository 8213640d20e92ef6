import Model

/// The rules, in the order in which they are looked at: what the description says, then what the answers say.
struct Checks {
  let request: PlanRequest
  let answers: [ProbeRequest: ProbeResult]

  var image: ImageDescription { request.image }
  var policy: PlanPolicy { request.policy }

  /// How `draft` stands; `earlier` are the verdicts on the candidates before it.
  func judge(_ draft: Draft, after earlier: [Verdict]) -> Verdict {
    do throws(Stop) {
      guard let location = draft.location else { return try lastResort(draft.route, after: earlier) }
      let kind = LocationKind(location)
      if case .malformed(let reason, let detail) = kind { throw .refused(reason, detail) }
      try scheme(location)
      switch (draft.route, kind) {
      case (.clone, .rbd(let rbd)): return .accepted(try clone(rbd))
      case (.export, .rbd(let rbd)): return .accepted(try export(rbd))
      case (.file, .file(let path)): return .accepted(try file(path))
      case (.download, .http) where request.operatorLocations: return .accepted(try url(location))
      case (.cinderClone, .cinder(let volume)): return .accepted(try cinderClone(volume))
      case (.export, .cinder(let volume)): return .accepted(try volumeExport(volume))
      default:
        throw .refused(.schemeUnsupported, "'\(location)' has a scheme from which no route leads to a target of \(request.target.rawValue)")
      }
    } catch {
      return error.verdict
    }
  }

  /// Download from the image service, or a full copy in the cluster: open unless a direct way was refused for a reason that will pass.
  private func lastResort(_ route: Route, after earlier: [Verdict]) throws(Stop) -> Verdict {
    try formats(clone: route == .storeCopy)
    try sizes(image.knownVirtualSize)
    var barrier: (reason: Reason, detail: String)?
    var open = false
    var accepted = false
    for verdict in earlier {
      switch verdict {
      case .accepted: accepted = true
      case .needs, .waits: open = true
      case .refused(let reason, let detail): if reason.isTransient, barrier == nil { barrier = (reason, detail) }
      }
    }
    if !accepted {
      if open { return .waits }
      if let barrier, policy.onDirectFailed == .fail {
        throw .refused(
          .fallbackNotAllowed, "a direct route failed for now (\(barrier.reason.rawValue)) and on_direct_failed is fail: \(barrier.detail)")
      }
    }
    switch route {
    case .baseClone: return .accepted(try poolBase())
    case .storeCopy:
      guard policy.copyStore != nil, request.serviceCanServe, image.id != nil else {
        throw .refused(
          .noCopyStore, "on_not_cloneable asks for a copy to a store of the cluster, and no such store (images.copy_store) can be used")
      }
      return .accepted(Finding())
    default: return .accepted(Finding())
    }
  }

  /// Whether the location's scheme is switched on; what an administrator typed is.
  private func scheme(_ location: Location) throws(Stop) {
    let scheme = LocationKind.scheme(location) ?? ""
    guard request.operatorLocations || policy.allowedSchemes.contains(scheme) else {
      throw .refused(.schemeNotAllowed, "'\(scheme)' is not among allowed_direct_url_schemes")
    }
  }

  /// What the description claims about the bytes. A clone exposes them to the guest as they are: exactly `raw` (Cinder `_is_cloneable`).
  func formats(clone: Bool) throws(Stop) {
    let format = image.diskFormat
    let shown = format.map { "'\($0)'" } ?? "unknown"
    if clone, format != "raw" { throw .refused(.notRaw, "the disk_format of image \(image.label) is \(shown), and only raw can be cloned") }
    guard let known = image.knownFormat, DiskFormat.accepted.contains(known) else {
      throw .refused(
        .formatUnsupported, "the disk_format of image \(image.label) is \(shown), and only \(DiskFormat.acceptedWords) are read")
    }
    guard image.containerFormat == "bare" else {
      let container = image.containerFormat.map { "'\($0)'" } ?? "unknown"
      throw .refused(.containerNotBare, "the container_format of image \(image.label) is \(container), and only bare is read")
    }
    if image.encrypted { throw .refused(.encrypted, "image \(image.label) is encrypted") }
  }

  /// Whether a disk of the size asked holds the image; `virtual` is the size that a guest sees, nil when nobody knows it yet.
  /// (Rule: Nova's FlavorDiskSmallerThanImage, then FlavorDiskSmallerThanMinDisk.)
  func sizes(_ virtual: ByteCount?) throws(Stop) {
    guard !request.baseOnly else { return }
    if let size = request.size, let virtual, virtual > size {
      throw .refused(.tooLarge, "image \(image.label) is \(virtual) (\(virtual.bytes) bytes), more than the \(size) asked")
    }
    // Rounded down, so that a min_disk of any size compares without overflow.
    if let size = request.size ?? virtual, size.bytes >> 30 < image.minDiskGiB {
      throw .refused(
        .belowMinDisk, "image \(image.label) asks for at least \(image.minDiskGiB) GiB (min_disk), more than the \(size) of the disk")
    }
  }

  /// What a probe found about the stored bytes, held against the description.
  func found(_ facts: ProbeFacts, at what: String) throws(Stop) {
    guard let size = facts.size else { return }
    if let told = image.size, told != size {
      throw .refused(.sizeMismatch, "\(what) has \(size.bytes) bytes, and image \(image.label) should have \(told.bytes)")
    }
    if image.knownFormat?.isPlainSectors == true { try sizes(size) }
  }

  /// The answer to a probe, or the stop that it is.
  func answer(_ probe: ProbeRequest) throws(Stop) -> ProbeFacts {
    switch answers[probe] {
    case nil: throw .needs(probe)
    case .facts(let facts): return facts
    case .refused(let reason, let detail): throw .refused(reason.asRefusal, detail ?? "the probe said \(reason.rawValue)")
    case .fsid, .volume: throw .refused(.sourceUnreachable, "the probe was answered with something else")
    }
  }
}

extension Reason {
  /// A refusal can never read `ok` or `not_tried`.
  var asRefusal: Reason { self == .ok || self == .notTried ? .sourceUnreachable : self }
}
