import Model

/// A candidate before it is judged: a way, and the location it starts from (nil for the ways that start from the image service).
struct Draft: Hashable {
  let route: Route
  let location: Location?

  /// Whether this is a last resort, which a transient refusal of a direct way bars.
  var isFallback: Bool { location == nil }

  /// All candidates of a request, most preferred first; a location that is told twice (Glance tells `direct_url` and `locations`) counts once.
  static func list(_ request: PlanRequest) -> [Draft] {
    var seen: Set<String> = []
    var drafts: [Draft] = []
    for location in request.image.locations {
      let key = key(location)
      guard seen.insert(key).inserted else { continue }
      drafts.append(Draft(route: route(location, request.target), location: location))
    }
    switch (request.target, request.policy.onNotCloneable) {
    case (.rbd, .fallback): drafts.append(Draft(route: .baseClone, location: nil))
    case (.rbd, .copyToStore): drafts.append(Draft(route: .storeCopy, location: nil))
    case (.rbd, .fail): break
    case (.qcow2, _), (.raw, _):
      if request.serviceCanServe { drafts.append(Draft(route: .download, location: nil)) }
    }
    return drafts
  }

  /// What two spellings of one place share.
  private static func key(_ location: Location) -> String {
    switch LocationKind(location) {
    case .rbd(let rbd): rbd.url
    case .cinder(let volume): "cinder://\(volume)"
    default: location.url
    }
  }

  /// The way that a location would go; one that has no way at all is listed under the one that its target prefers, to be refused there.
  private static func route(_ location: Location, _ target: Target) -> Route {
    let kind = LocationKind(location)
    switch (target, kind) {
    case (.rbd, .cinder): return .cinderClone
    case (.rbd, _): return .clone
    case (_, .file): return .file
    case (_, .http): return .download
    default: return .export
    }
  }
}
