internal import Files
internal import GRDB
internal import Model
internal import Runtime

/// The SQLite index of a store: what the sidecars say, for asking by image, and how bases are used. All calls block.
final class Catalog: Sendable {
  static let fileName = "catalog.sqlite"
  /// `PRAGMA user_version`. A newer one is refused, version 1 is migrated, anything else is made anew.
  static let version = 2
  /// `PRAGMA application_id`: "slpw".
  static let applicationID = 0x736C_7077

  private let queue: Locked<DatabaseQueue>

  private init(_ queue: DatabaseQueue) { self.queue = Locked(queue) }

  /// Opens the catalog of the store at `root`, made anew when it is missing, damaged, someone else's or too old; the flag tells so, and that it
  /// is to be filled from the directory. Where no file can be made or written (a full store must still open, to be cleaned), the catalog is in
  /// memory, and `warn` is told. Throws `store_refused` when it is newer.
  static func open(
    in root: Directory, locks: Directory, warn: (String) -> Void
  ) throws -> (catalog: Catalog, isFresh: Bool) {
    // Two processes must not make it anew at once. Opening takes milliseconds, so a short wait is enough.
    let guardian = try waitForLock(in: locks)
    defer { guardian.release() }
    if let status = try root.status(of: fileName) {
      guard status.kind == .regular else {
        throw SlipwayError(
          .storeRefused, "\(root.path)/\(fileName) is no regular file", object: root.path, hint: "move it away; the catalog is made anew")
      }
      // Never opened by ourselves: closing any descriptor of it would drop the POSIX locks that SQLite holds in this process.
      do {
        let queue = try connect(root)
        switch try check(queue, root) {
        case .current: return (Catalog(queue), false)
        case .migrated: return (Catalog(queue), true)
        case .unusable: try queue.close()
        }
      } catch {
        guard isDamage(error) else { return (try inMemory(instead: error, root, warn), true) }
      }
    }
    do {
      return (Catalog(try make(root)), true)
    } catch { return (try inMemory(instead: error, root, warn), true) }
  }

  /// Replaces a damaged catalog by an empty one, to be filled by the caller.
  func startAnew(in root: Directory, locks: Directory) throws {
    let guardian = try Catalog.waitForLock(in: locks)
    defer { guardian.release() }
    try? current.close()
    let fresh = try Catalog.make(root)
    queue.with { $0 = fresh }
  }

  func close() { try? current.close() }

  /// Whether an error says that the file is no sound database of ours.
  static func isDamage(_ error: any Error) -> Bool {
    guard let error = error as? DatabaseError else { return false }
    switch error.resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_SCHEMA: return true
    // A table or column that is missing, though the version is ours.
    case .SQLITE_ERROR: return error.message?.hasPrefix("no such") == true || error.message?.contains("has no column") == true
    default: return false
    }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try current.read(body) }
  func write<Value>(_ body: (Database) throws -> Value) throws -> Value { try current.write(body) }

  private var current: DatabaseQueue { queue.with { $0 } }

  private static func waitForLock(in locks: Directory) throws -> HeldLock {
    for attempt in 0..<500 {
      if let held = try FileLock.attempt("catalog.lock", in: locks) { return held }
      Pause.milliseconds(min(20, attempt + 1))
    }
    throw SlipwayError(.busy, "the catalog in \(locks.path)/.. is being opened by another process", hint: "try again")
  }

  private static func connect(_ root: Directory) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.busyMode = .timeout(5)
    configuration.label = "slipway-catalog"
    // No fsync: a hit from the command line would pay for four. A killed process loses nothing; after a power cut the index may lack rows or be
    // damaged, which shows (stamps, SQLite's own checks), and what it says is in the directory.
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    return try DatabaseQueue(path: "\(root.path)/\(fileName)", configuration: configuration)
  }

  private enum Check { case current, migrated, unusable }

  private static func check(_ queue: DatabaseQueue, _ root: Directory) throws -> Check {
    let (version, application) = try queue.read { database in
      (
        try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0,
        try Int.fetchOne(database, sql: "PRAGMA application_id") ?? 0
      )
    }
    guard application == applicationID else { return .unusable }
    if version > Catalog.version {
      try queue.close()
      throw SlipwayError(
        .storeRefused,
        "the catalog of the store \(root.path) has version \(version), and this Slipway knows versions up to \(Catalog.version)",
        object: root.path, hint: "update Slipway, or remove \(root.path)/\(fileName); it is made anew from the directory")
    }
    guard version >= 1, try queue.read({ try $0.tableExists("base") && $0.tableExists("base_image") }) else { return .unusable }
    if version == Catalog.version { return .current }
    try queue.write { database in
      // Hits and last use are all that is not in the directory, so they are kept; an empty stamp has the rest filled in.
      try database.execute(sql: additions.map { "ALTER TABLE base ADD COLUMN \($0);" }.joined(separator: "\n"))
      try database.execute(sql: "UPDATE base SET stamp = ''")
      try database.execute(sql: imageIndex)
      try database.execute(sql: "PRAGMA user_version = \(Catalog.version)")
    }
    return .migrated
  }

  /// So that a base's images are found without a look at all.
  private static let imageIndex = "CREATE INDEX IF NOT EXISTS base_image_name ON base_image (name)"

  /// What version 2 added.
  private static let additions = [
    "format TEXT NOT NULL DEFAULT ''", "virtual_size INTEGER NOT NULL DEFAULT 0", "image_name TEXT", "source TEXT NOT NULL DEFAULT ''",
    "route TEXT NOT NULL DEFAULT ''", "verdict TEXT NOT NULL DEFAULT ''", "verified_at TEXT NOT NULL DEFAULT ''", "pin TEXT", "damage TEXT",
  ]

  private static func make(_ root: Directory) throws -> DatabaseQueue {
    for ending in ["", "-wal", "-shm", "-journal"] { try root.remove(fileName + ending) }
    // Made by us first, so that it has the store's owner and no one else reads it; SQLite gives its companions the same.
    try root.createFile(fileName, mode: 0o600).close()
    let queue = try connect(root)
    try fill(queue)
    return queue
  }

  private static func fill(_ queue: DatabaseQueue) throws {
    try queue.write { database in
      try database.execute(sql: "PRAGMA application_id = \(applicationID)")
      try database.execute(
        sql: """
          CREATE TABLE base (
            name TEXT PRIMARY KEY, stamp TEXT NOT NULL, record TEXT NOT NULL, file_size INTEGER NOT NULL, allocated INTEGER NOT NULL,
            created INTEGER NOT NULL, hits INTEGER NOT NULL, last_use INTEGER NOT NULL,
            \(additions.joined(separator: ", "))
          ) WITHOUT ROWID;
          CREATE TABLE base_image (image TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (image, name)) WITHOUT ROWID;
          \(imageIndex);
          """)
      // Last: a catalog that was not finished has version 0 and is made anew.
      try database.execute(sql: "PRAGMA user_version = \(version)")
    }
  }

  private static func inMemory(instead error: any Error, _ root: Directory, _ warn: (String) -> Void) throws -> Catalog {
    let isRefusal = (error as? SlipwayError).map { $0.code != .noSpace && $0.code != .ioError } ?? false
    guard !isRefusal else { throw error }
    warn("the catalog of the store \(root.path) cannot be used, so uses are not recorded: \(error)")
    let queue = try DatabaseQueue()
    try fill(queue)
    return Catalog(queue)
  }
}
