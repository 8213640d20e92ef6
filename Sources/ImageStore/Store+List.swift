internal import Files
internal import Model
internal import Runtime

extension Store {
  /// The bases of ours, sorted and filtered. The directory tells which there are; of each only what changed since the catalog's row is read, so that
  /// ten thousand cost some twenty thousand looks at file names and no more. (`list()` shows what is not ours, too.)
  public func list(sortedBy sort: BaseSort, descending: Bool = false, where filter: BaseFilter = BaseFilter()) async throws -> [BaseSummary]
  {
    let summaries = try await summaries()
    return try await pool.run {
      let time = self.now()
      // Nova's bases tell no image, but their names do.
      let named = try self.layout.name(of: filter.image.flatMap { ImageID($0) })
      let found = summaries.filter { base in
        var filter = filter
        if let named, base.name == named { filter.image = nil }
        return filter.holds(base, at: time)
      }
      let sorted = found.sorted { sort.isBefore($0, $1) }
      return descending ? sorted.reversed() : sorted
    }
  }

  /// One base, nil when it is not there.
  public func summary(of name: BaseName) async throws -> BaseSummary? {
    try await pool.run {
      guard let status = try self.bases.status(of: name.text), status.kind == .regular else { return nil }
      let row = self.indexing([:]) { try self.catalog.rows(only: name) }[name]
      let images = self.indexing([:]) { try self.catalog.images(of: name) }
      return try self.summary(name, status, row, try self.stamp(name), images)
    }
  }

  /// What the catalog and the names in the directory say, before any file is looked at.
  private struct Known: Sendable {
    var rows: [BaseName: CatalogRow]
    var images: [BaseName: [ImageID]]
    var beside: Set<String>
    var names: [(name: BaseName, text: String)]
  }

  /// Names for one thread: fewer are not worth another.
  private static let share = 512

  private func summaries() async throws -> [BaseSummary] {
    // The catalog is read beside the directories: each takes a thread about as long.
    async let indexed = pool.run {
      (rows: self.indexing([:]) { try self.catalog.rows() }, images: self.indexing([:]) { try self.catalog.images() })
    }
    let (beside, names) = try await pool.run {
      (
        Set(try self.meta.names()),
        try self.bases.names().compactMap { text in self.layout.name(text).map { (name: $0, text: text) } }
      )
    }
    let (rows, images) = try await indexed
    let known = Known(rows: rows, images: images, beside: beside, names: names)
    let count = max(Self.share, (known.names.count + Store.hashers - 1) / Store.hashers)
    let parts = try await withThrowingTaskGroup(of: (Int, [BaseSummary]).self) { group in
      for start in stride(from: 0, to: known.names.count, by: count) {
        let names = known.names[start..<min(start + count, known.names.count)]
        group.addTask { (start, try await self.pool.run { try self.summaries(of: names, known) }) }
      }
      var parts: [(Int, [BaseSummary])] = []
      for try await part in group { parts.append(part) }
      return parts.sorted { $0.0 < $1.0 }
    }
    try await pool.run {
      let gone = Set(known.rows.keys).subtracting(known.names.map(\.name))
      for name in gone where try self.bases.status(of: name.text) == nil { self.indexing(()) { try self.catalog.remove(name) } }
    }
    return parts.flatMap(\.1)
  }

  private func summaries(of names: ArraySlice<(name: BaseName, text: String)>, _ known: Known) throws -> [BaseSummary] {
    var found: [BaseSummary] = []
    for (name, text) in names {
      // It may go while we look.
      guard let status = try bases.status(of: text), status.kind == .regular else { continue }
      let stamp = try stamp(name, among: known.beside)
      var (row, served) = (known.rows[name], known.images)
      if row?.stamp != stamp {
        // Another process's work, or a crash between the file and the row: this row is brought up to date.
        index(name)
        row = indexing([:]) { try catalog.rows(only: name) }[name]
        served = indexing([:]) { try catalog.images(of: name) }
      }
      if let summary = try summary(name, status, row, stamp, served) { found.append(summary) }
    }
    return found
  }

  private func summary(
    _ name: BaseName, _ status: FileStatus, _ row: CatalogRow?, _ stamp: String, _ images: [BaseName: [ImageID]]
  ) throws -> BaseSummary? {
    // Where files may be replaced by others, only the directory's word counts.
    if layout.sharing == nil, let row, row.fileSize == status.size, row.stamp == stamp {
      let details = BaseSummary.Details(
        virtualSize: ByteCount(row.virtualSize), images: images[name] ?? [], imageName: row.imageName, source: row.source,
        route: Route(rawValue: row.route), verdict: Evidence.DigestVerdict(rawValue: row.verdict), verifiedAt: row.verifiedAt)
      let pin = try row.pin.map { try StoreJSON.decode(Pin.self, Array($0.utf8)) }
      return summary(
        name, status, name.format, details, row.created, BaseUsage(hits: row.hits, lastUse: row.lastUse),
        pin.flatMap { $0.holds(at: now()) ? $0 : nil }, row.damage)
    }
    // The catalog is not to be had, or knows another state: the directory's word.
    let modified = status.modified / 1_000_000_000
    var usage = row.map { BaseUsage(hits: $0.hits, lastUse: $0.lastUse) } ?? BaseUsage(hits: 0, lastUse: now())
    // There the file's time says when the other program used it last.
    if layout.sharing != nil { usage.lastUse = max(row?.lastUse ?? 0, modified) }
    let evidence = try evidenceNow(name, size: status.size)
    var damage: String?
    var isForeign = evidence.record?.adopted == true
    switch try stateNow(name) {
    case .absent: return nil
    case .foreign: isForeign = true
    case .ready: break
    case .damaged(let reason), .newer(let reason): damage = reason
    case .unknown: damage = "it is no regular file"
    }
    let details = evidence.record.map { record in
      BaseSummary.Details(
        virtualSize: record.virtualSize, images: record.images.sorted { $0.text < $1.text }, imageName: record.imageName,
        source: record.source, route: record.route, verdict: record.evidence.verdict, verifiedAt: record.evidence.verifiedAt)
    }
    return summary(
      name, status, evidence.record?.identity.format ?? name.format, details, evidence.record?.created ?? modified, usage,
      try pinNow(name), damage, isForeign: isForeign)
  }

  private func summary(
    _ name: BaseName, _ status: FileStatus, _ format: BaseFormat?, _ details: BaseSummary.Details?, _ created: Int64, _ usage: BaseUsage,
    _ pin: Pin?,
    _ damage: String?, isForeign: Bool = false
  ) -> BaseSummary {
    BaseSummary(
      name: name, path: path(of: name), device: status.device, inode: status.inode, fileSize: ByteCount(status.size),
      allocated: ByteCount(status.allocated), format: format, isForeign: isForeign, details: details, created: created, usage: usage,
      pin: pin, damage: damage)
  }
}
