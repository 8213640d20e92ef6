internal import GRDB
internal import Model

/// A row of the catalog.
struct CatalogRow: Sendable {
  var stamp: String
  var fileSize: Int64
  var created: Int64
  var hits: Int
  var lastUse: Int64
  var virtualSize: Int64
  var imageName: String?
  var source: String
  var route: String
  var verdict: String
  var verifiedAt: String
  var pin: String?
  var damage: String?
}

extension Catalog {
  /// Adds or replaces what the files beside the base say; hits and last use stay. A new row's last use is `now`.
  func put(_ record: BaseRecord, pin: Pin?, damage: String?, stamp: String, now: Int64) throws {
    let text = String(decoding: try StoreJSON.encode(record), as: UTF8.self)
    let pinned = try pin.map { String(decoding: try StoreJSON.encode($0), as: UTF8.self) }
    let columns: [(name: String, value: (any DatabaseValueConvertible)?)] = [
      ("stamp", stamp), ("record", text), ("file_size", record.fileSize.bytes), ("allocated", record.allocated.bytes),
      ("created", record.created), ("format", record.identity.format.rawValue), ("virtual_size", record.virtualSize.bytes),
      ("image_name", record.imageName), ("source", record.source), ("route", record.route.rawValue),
      ("verdict", record.evidence.verdict.rawValue), ("verified_at", record.evidence.verifiedAt), ("pin", pinned), ("damage", damage),
    ]
    let names = columns.map(\.name)
    let sql = """
      INSERT INTO base (name, hits, last_use, \(names.joined(separator: ", ")))
      VALUES (?, 0, ?, \(names.map { _ in "?" }.joined(separator: ", ")))
      ON CONFLICT (name) DO UPDATE SET \(names.map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
      """
    let values: [(any DatabaseValueConvertible)?] = [record.name.text, now] + columns.map(\.value)
    try write { database in
      try database.execute(sql: sql, arguments: StatementArguments(values))
      try database.execute(sql: "DELETE FROM base_image WHERE name = ?", arguments: [record.name.text])
      for image in record.images {
        try database.execute(
          sql: "INSERT OR IGNORE INTO base_image (image, name) VALUES (?, ?)", arguments: [image.text, record.name.text])
      }
    }
  }

  /// What the catalog knows of every base, but for the images.
  func rows(only wanted: BaseName? = nil) throws -> [BaseName: CatalogRow] {
    try read { database in
      var found: [BaseName: CatalogRow] = [:]
      let sql = """
        SELECT name, stamp, file_size, created, hits, last_use, virtual_size, image_name, source, route, verdict, verified_at, pin, damage
        FROM base
        """
      let rows = try Self.cursor(database, sql, of: wanted)
      while let row = try rows.next() {
        guard let name = BaseName(any: row[0]) else { continue }
        found[name] = CatalogRow(
          stamp: row[1], fileSize: row[2], created: row[3], hits: row[4], lastUse: row[5], virtualSize: row[6], imageName: row[7],
          source: row[8], route: row[9], verdict: row[10], verifiedAt: row[11], pin: row[12], damage: row[13])
      }
      return found
    }
  }

  /// The images that each base serves.
  func images(of wanted: BaseName? = nil) throws -> [BaseName: [ImageID]] {
    try read { database in
      var found: [BaseName: [ImageID]] = [:]
      let rows = try Self.cursor(database, "SELECT name, image FROM base_image", of: wanted, order: "name, image")
      while let row = try rows.next() {
        if let name = BaseName(any: row[0]), let image = ImageID(row[1] as String) { found[name, default: []].append(image) }
      }
      return found
    }
  }

  /// All rows of a table with a column `name`, or those of one base, by its index.
  private static func cursor(_ database: Database, _ sql: String, of name: BaseName?, order: String = "name") throws -> RowCursor {
    guard let name else { return try Row.fetchCursor(database, sql: "\(sql) ORDER BY \(order)") }
    return try Row.fetchCursor(database, sql: "\(sql) WHERE name = ? ORDER BY \(order)", arguments: [name.text])
  }

  /// Forgets a base.
  func remove(_ name: BaseName) throws {
    try write { database in
      try database.execute(sql: "DELETE FROM base WHERE name = ?", arguments: [name.text])
      try database.execute(sql: "DELETE FROM base_image WHERE name = ?", arguments: [name.text])
    }
  }

  /// The stamp of every row's sidecar.
  func stamps() throws -> [BaseName: String] {
    try read { database in
      var found: [BaseName: String] = [:]
      let rows = try Row.fetchCursor(database, sql: "SELECT name, stamp FROM base")
      while let row = try rows.next() {
        if let name = BaseName(any: row["name"]) { found[name] = row["stamp"] }
      }
      return found
    }
  }

  /// The bases that serve an image, most recently used first.
  func names(serving image: ImageID) throws -> [BaseName] {
    try read { database in
      try String.fetchAll(
        database,
        sql: "SELECT base.name FROM base_image JOIN base USING (name) WHERE image = ? ORDER BY last_use DESC, base.name",
        arguments: [image.text])
    }.compactMap { BaseName(any: $0) }
  }

  /// Hits and last use, of all bases or of one.
  func usage(only name: BaseName? = nil) throws -> [BaseName: BaseUsage] {
    try read { database in
      var found: [BaseName: BaseUsage] = [:]
      let rows = try Self.cursor(database, "SELECT name, hits, last_use FROM base", of: name)
      while let row = try rows.next() {
        if let name = BaseName(any: row["name"]) { found[name] = BaseUsage(hits: row["hits"], lastUse: row["last_use"]) }
      }
      return found
    }
  }

  /// Counts a hit; false when there is no row.
  func recordUse(_ name: BaseName, at time: Int64) throws -> Bool {
    try write { database in
      // The clock may be moved back; last use never is.
      try database.execute(
        sql: "UPDATE base SET hits = hits + 1, last_use = max(last_use, ?) WHERE name = ?", arguments: [time, name.text])
      return database.changesCount > 0
    }
  }
}
