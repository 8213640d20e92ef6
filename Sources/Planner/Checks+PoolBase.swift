import Model

extension Checks {
  /// A base in the pool that can be cloned: it is there, or its bytes can be had.
  func poolBase() throws(Stop) -> Finding {
    guard let place = request.poolBase else {
      throw .refused(.noPoolBase, "no pool for bases is configured in the cluster of the disks (bases.cluster, bases.pool)")
    }
    let probe = ProbeRequest.poolBase(cluster: place.cluster, pool: place.pool, name: place.name)
    if case .facts(let facts) = answers[probe], let size = facts.size {
      try sizes(size)
      return Finding(cluster: place.cluster, facts: facts)
    }
    if answers[probe] == nil { throw .needs(probe) }
    // What lies in another tier is not moved.
    for pool in place.name == nil ? [] : place.others {
      let other = ProbeRequest.poolBase(cluster: place.cluster, pool: pool, name: place.name)
      if answers[other] == nil { throw .needs(other) }
      guard case .facts(let facts) = answers[other], let size = facts.size else { continue }
      try sizes(size)
      return Finding(cluster: place.cluster, facts: facts)
    }
    let facts = try answer(probe)
    try source()
    return Finding(cluster: place.cluster, facts: facts)
  }

  /// Throws unless there is a way to the image's bytes, as for a base in the local store: the refusal that may pass, else the first one.
  private func source() throws(Stop) {
    let wanted = request.ofItsBase
    let checks = Checks(request: wanted, answers: answers)
    var verdicts: [Verdict] = []
    var (passing, first): (Stop?, Stop?) = (nil, nil)
    for draft in Draft.list(wanted) {
      let verdict = checks.judge(draft, after: verdicts)
      verdicts.append(verdict)
      switch verdict {
      case .accepted: return
      case .needs(let probe): throw .needs(probe)
      case .waits: continue
      case .refused(let reason, let detail):
        if reason.isTransient {
          passing = passing ?? .refused(reason, "its bytes cannot be had now: \(detail)")
        } else {
          first = first ?? .refused(reason, "no route leads to its bytes: \(detail)")
        }
      }
    }
    throw passing ?? first ?? .refused(.sourceMissing, "image \(image.label) has no location, and no image service to download it from")
  }
}
