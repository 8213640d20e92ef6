internal import Files
internal import Model

extension Store {
  /// Asks or tells the catalog. It is only an index: a damaged one is made anew from the directory and asked once more; a failure after that is a
  /// warning, and the answer is `otherwise`.
  func indexing<Value>(_ otherwise: Value, _ body: () throws -> Value) -> Value {
    do {
      return try body()
    } catch {
      guard Catalog.isDamage(error) else {
        warn("the catalog of \(path) was not used: \(error)")
        return otherwise
      }
    }
    do {
      try catalog.startAnew(in: root, locks: locks)
      warn("the catalog of \(path) was damaged and is made anew")
      try reconcileThrowing()
      return try body()
    } catch {
      warn("the catalog of \(path) was not used: \(error)")
      return otherwise
    }
  }

  /// Writes what the sidecar of a base says into the catalog.
  func index(_ name: BaseName) { indexing(()) { try indexThrowing(name) } }

  /// Brings the catalog up to date with the directory: rows for new and changed sidecars, none for bases that are gone.
  func reconcile() { indexing(()) { try reconcileThrowing() } }

  private func reconcileThrowing() throws {
    var known = try catalog.stamps()
    for text in try bases.names() {
      guard let name = BaseName(text) else { continue }
      let row = known.removeValue(forKey: name)
      if let row, row == (try stamp(name)) { continue }
      try indexThrowing(name)
    }
    for name in known.keys where try bases.status(of: name.text) == nil { try catalog.remove(name) }
  }

  private func indexThrowing(_ name: BaseName) throws {
    // The stamp first: a sidecar that changes in between is looked at again.
    guard let stamp = try stamp(name), let record = try stateNow(name).record else { return }
    try catalog.put(record, stamp: stamp, now: Store.now())
  }

  /// Changes whenever the sidecar is replaced.
  private func stamp(_ name: BaseName) throws -> String? {
    try meta.status(of: name.sidecar).map { "\($0.inode) \($0.modified)" }
  }
}
