import Model

extension Checks {
  /// A local path under an allowed root.
  func file(_ path: String) throws(Stop) -> Finding {
    try formats(clone: false)
    let root = try self.root(of: path)
    try sizes(image.knownVirtualSize)
    let facts = try answer(.file(path: path, root: root))
    try found(facts, at: path)
    return Finding(path: path, root: root, facts: facts)
  }

  /// The URL that an administrator typed.
  func url(_ location: Location) throws(Stop) -> Finding {
    try formats(clone: false)
    try sizes(image.knownVirtualSize)
    let facts = try answer(.url(location.url))
    try found(facts, at: location.description)
    return Finding(facts: facts)
  }

  /// The first allowed root that the path lies under by its text; nil when any path may be read. Whoever opens the file holds it to the root
  /// through symbolic links too.
  private func root(of path: String) throws(Stop) -> String? {
    let roots: [String]
    switch policy.fileRoots {
    case .anywhereForOperator where request.operatorLocations: return nil
    case .anywhereForOperator: roots = []
    case .listed(let listed): roots = listed
    }
    let parts = path.split(separator: "/")
    let found = roots.first { root in
      let rootParts = root.split(separator: "/")
      return parts.count > rootParts.count && Array(parts.prefix(rootParts.count)) == rootParts
    }
    guard let found, !parts.contains("..") else { throw .refused(.rootNotAllowed, "'\(path)' does not lie under one of file_roots") }
    return found
  }
}
