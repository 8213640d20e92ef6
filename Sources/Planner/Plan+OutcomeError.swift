public import Model

extension Plan {
  /// The error for a plan in which nothing was chosen, nil when something was: one sentence that names the image and the first reason.
  ///
  /// A refusal that will pass makes the request unavailable (exit 5), whatever else was refused; only then do the lasting ones speak.
  public func outcomeError(for request: PlanRequest) -> SlipwayError? {
    guard chosen == nil else { return nil }
    let label = request.image.label
    if let passing = candidates.first(where: { $0.reason.isTransient }) {
      // Only where there is something to descend to, the way there is worth telling.
      let barred = candidates.contains { $0.route == .download && $0.reason == .fallbackNotAllowed }
      // A typed location is in the sentence already.
      let what = passing.sentence.contains(label) ? passing.sentence : "image \(label) cannot be reached now: \(passing.sentence)"
      return SlipwayError(
        passing.reason.outageCode, what, object: label,
        hint: passing.reason == .permissionDenied
          ? "check the key and the caps of that user; 'slipway doctor' tries them all"
          : barred
            ? "try again, or set on_direct_failed: fallback to allow a download meanwhile"
            : "try again, or ask 'slipway doctor' what is wrong")
    }
    if target == .rbd, !request.policy.clusters.contains(where: { $0.name == request.policy.targetCluster }) {
      return SlipwayError(
        .configuration, "no cluster is configured for disks on RBD", object: label,
        hint: "add it to 'clusters' and name it in 'disks.cluster', or use --target qcow2 or raw")
    }
    return sizeError(label) ?? typedError(request) ?? digestError(label) ?? refusal(label, request)
  }

  private func first(_ reasons: Reason...) -> Candidate? { candidates.first { reasons.contains($0.reason) } }

  /// What a larger disk would cure.
  private func sizeError(_ label: String) -> SlipwayError? {
    guard let candidate = first(.tooLarge, .belowMinDisk) else { return nil }
    let code: ErrorCode = candidate.reason == .tooLarge ? .sizeTooSmall : .belowMinDisk
    return SlipwayError(code, candidate.sentence, object: label, hint: "ask for a larger disk with --size")
  }

  /// Bytes that were moved and proved wrong.
  private func digestError(_ label: String) -> SlipwayError? {
    guard let candidate = first(.digestMismatch) else { return nil }
    return SlipwayError(
      .digestMismatch, candidate.sentence, object: label, hint: "nothing was kept; compare the image with its original and upload it again")
  }

  /// What is wrong with a location that somebody typed, when it was the only one.
  private func typedError(_ request: PlanRequest) -> SlipwayError? {
    let typed = candidates.filter { $0.url != nil }
    guard request.operatorLocations, typed.count == 1, let candidate = typed.first else { return nil }
    let known = request.image.locations.first.map { LocationKind($0) }
    let code: ErrorCode
    let hint: String
    switch candidate.reason {
    case .rootNotAllowed where request.policy.fileRoots == .anywhereForOperator:
      (code, hint) = (.locationNotAllowed, "name a regular file or a block device, or an RBD snapshot or URL")
    case .malformedURL, .notASnapshot:
      (code, hint) = (.invalidURL, "give rbd://fsid/pool/image/snapshot, file:///path or http(s)://host/path")
    case .schemeUnsupported where known == .other:
      (code, hint) = (.invalidURL, "give rbd://fsid/pool/image/snapshot, file:///path or http(s)://host/path")
    case .rootNotAllowed: (code, hint) = (.locationNotAllowed, "list its directory in file_roots, or move it under one that is listed")
    case .poolNotAllowed: (code, hint) = (.locationNotAllowed, "list the pool in image_pools of that cluster")
    case .unknownCluster: (code, hint) = (.locationNotAllowed, "check the fsid ('ceph fsid'), or add the cluster to 'clusters'")
    case .schemeNotAllowed: (code, hint) = (.locationNotAllowed, "add the scheme to allowed_direct_url_schemes")
    case .poolMissing, .sourceMissing, .snapshotMissing: (code, hint) = (.sourceNotFound, "check the spelling, and that it is still there")
    default: return nil
    }
    return SlipwayError(code, candidate.sentence, object: candidate.url, hint: hint)
  }

  private func refusal(_ label: String, _ request: PlanRequest) -> SlipwayError {
    if target == .rbd { return notCloneable(label) }
    guard let candidate = candidates.first else {
      return SlipwayError(
        .noRoute, "image \(label) has no location, and no image service to download it from", object: label,
        hint: "name a location of the image")
    }
    let sentence = "no route leads to image \(label): \(candidate.sentence)"
    switch candidate.reason {
    case .notRaw, .formatUnsupported, .containerNotBare, .encrypted:
      return SlipwayError(.formatRefused, candidate.sentence, object: label, hint: "convert the image to raw or qcow2 and upload that")
    case .sizeMismatch:
      return SlipwayError(.sizeMismatch, candidate.sentence, object: label, hint: "the location does not hold this image; upload it again")
    default:
      return SlipwayError(.noRoute, sentence, object: label, hint: "see 'slipway plan' for every candidate and its reason")
    }
  }

  private func notCloneable(_ label: String) -> SlipwayError {
    let why = candidates.first { $0.url != nil }?.sentence ?? "the image service shows no location of it"
    let rest = candidates.first { $0.url == nil && $0.reason != .fallbackNotAllowed }
    let then = rest.map { "; \($0.sentence)" } ?? ""
    return SlipwayError(
      .notCloneable, "image \(label) cannot be cloned: \(why)\(then)", object: label,
      hint: "upload the image as raw to a pool of this cluster, or use --target qcow2 or raw")
  }
}

extension Candidate {
  /// The detail, or the bare reason where there is none.
  fileprivate var sentence: String { detail ?? reason.rawValue }
}

extension Reason {
  /// The error code of a refusal that will pass.
  fileprivate var outageCode: ErrorCode {
    switch self {
    case .timeout: .timeout
    case .permissionDenied: .permissionDenied
    case .sourceUnreachable: .sourceFailed
    default: .clusterUnreachable
    }
  }
}
