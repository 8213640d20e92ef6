internal import GRDB
internal import Model

extension Catalog {
  /// Adds or replaces what the sidecar says; hits and last use stay. A new row's last use is `now`.
  func put(_ record: BaseRecord, stamp: String, now: Int64) throws {
    let text = String(decoding: try StoreJSON.encode(record), as: UTF8.self)
    try write { database in
      try database.execute(
        sql: """
          INSERT INTO base (name, stamp, record, file_size, allocated, created, hits, last_use) VALUES (?, ?, ?, ?, ?, ?, 0, ?)
          ON CONFLICT (name) DO UPDATE SET stamp = excluded.stamp, record = excluded.record, file_size = excluded.file_size,
            allocated = excluded.allocated, created = excluded.created
          """,
        arguments: [record.name.text, stamp, text, record.fileSize.bytes, record.allocated.bytes, record.created, now])
      try database.execute(sql: "DELETE FROM base_image WHERE name = ?", arguments: [record.name.text])
      for image in record.images {
        try database.execute(
          sql: "INSERT OR IGNORE INTO base_image (image, name) VALUES (?, ?)", arguments: [image.text, record.name.text])
      }
    }
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
        if let name = BaseName(row["name"] as String) { found[name] = row["stamp"] }
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
    }.compactMap { BaseName($0) }
  }

  /// Hits and last use, of all bases or of one.
  func usage(only name: BaseName? = nil) throws -> [BaseName: BaseUsage] {
    try read { database in
      var found: [BaseName: BaseUsage] = [:]
      let rows = try Row.fetchCursor(
        database, sql: "SELECT name, hits, last_use FROM base WHERE ?1 IS NULL OR name = ?1", arguments: [name?.text])
      while let row = try rows.next() {
        if let name = BaseName(row["name"] as String) { found[name] = BaseUsage(hits: row["hits"], lastUse: row["last_use"]) }
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
