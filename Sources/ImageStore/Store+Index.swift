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
      guard let name = layout.name(text) else { continue }
      let row = known.removeValue(forKey: name)
      if let row, row == (try stamp(name)) { continue }
      try indexThrowing(name)
    }
    for name in known.keys where try bases.status(of: name.text) == nil { try catalog.remove(name) }
  }

  private func indexThrowing(_ name: BaseName) throws {
    // The stamp first: a file that changes in between is looked at again.
    let stamp = try stamp(name)
    guard let size = try bases.status(of: name.text)?.size, case .ready(let record) = try evidenceNow(name, size: size) else { return }
    try catalog.put(record, pin: pinOnDisk(name), damage: damageNow(name)?.reason, stamp: stamp, now: now())
  }

  /// Changes whenever one of the small files beside the base is replaced, made or removed.
  /// `beside` are the names in `meta`, where they are known: what is not among them is not looked for.
  func stamp(_ name: BaseName, among beside: Set<String>? = nil) throws(SlipwayError) -> String {
    var text = ""
    for file in [name.sidecar, name.pin, name.damage] {
      if !text.isEmpty { text += "," }
      let isThere = beside?.contains(file) ?? true
      if isThere, let status = try meta.status(of: file) { text += "\(status.inode) \(status.modified)" } else { text += "-" }
    }
    return text
  }
}
