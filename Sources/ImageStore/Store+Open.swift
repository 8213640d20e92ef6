internal import Files
internal import Model
public import Runtime

extension Store {
  /// Opens the store at `path`. With `create` a missing directory is made (0755, parents too) and an empty one becomes a store. What crashed
  /// processes left behind is swept. `immutability` says whether bases get the immutable flag. `warn` is told in one sentence what went wrong without failing anything; it may be called from any thread.
  ///
  /// Throws `store_refused` for a directory that is missing (without `create`), a symbolic link, world-writable, another software's, of a newer
  /// format or another layout, or spread over several file systems; `permission_denied`, `io_error` (read-only), `no_space`.
  public static func open(
    path: String, layout: Layout = .native, immutability: Immutability = .off, create: Bool, pool: WorkerPool,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> Store {
    try await open(path: path, layout: layout, immutability: immutability, create: create, pool: pool, unnamed: true, warn: warn)
  }

  static func open(
    path: String, layout: Layout = .native, immutability: Immutability = .off, create: Bool, pool: WorkerPool, unnamed: Bool,
    fileSystemType: Int64? = nil,
    clock: @escaping @Sendable () -> Int64 = { Store.systemTime() }, warn: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> Store {
    try await pool.run {
      try openNow(
        path: path, layout: layout, immutability: immutability, create: create, pool: pool, unnamed: unnamed, type: fileSystemType,
        clock: clock, warn: warn)
    }
  }

  private static func openNow(
    path: String, layout: Layout, immutability: Immutability, create: Bool, pool: WorkerPool, unnamed: Bool, type: Int64?,
    clock: @escaping @Sendable () -> Int64,
    warn: @escaping @Sendable (String) -> Void
  ) throws -> Store {
    try refuseInside(layout.outside, path)
    let root = try refusing { () throws(SlipwayError) in try Directory.open(path, create: create ? 0o755 : nil, missing: .storeRefused) }
    try refuseIfWritableByAll(root)
    try readFormat(root, layout, create: create)
    try root.checkWritable()
    func part(_ name: String, _ mode: UInt32) throws -> Directory {
      let directory = try refusing { () throws(SlipwayError) in try root.directory(name, create: mode) }
      try refuseIfWritableByAll(directory)
      guard try directory.status().device == root.status().device else {
        throw SlipwayError(
          .storeRefused, "\(directory.path) lies on another file system than the store \(root.path)", object: root.path,
          hint: "mount one file system over the whole store")
      }
      return directory
    }
    try refuseInside(layout.outside, root.path)
    let places = try layout.places(root, part)
    try refuseIfWritableByAll(places.bases)
    guard try places.bases.status().device == root.status().device else {
      throw SlipwayError(
        .storeRefused, "\(places.bases.path) lies on another file system than the store \(root.path)", object: root.path,
        hint: "give store.path on the file system of the bases")
    }
    let meta = try part("meta", 0o700)
    let locks = try part("locks", 0o700)
    let leases = try part("leases", 0o700)
    let temporary = try part("tmp", 0o700)
    let quarantine = try part("quarantine", 0o700)
    let (catalog, isFresh) = try Catalog.open(in: root, locks: locks, warn: warn)
    let shared = SharedFileSystem.name(ofType: try type ?? places.bases.fileSystemType())
    let store = Store(
      layout: layout, root: root, places: places, meta: meta, locks: locks, leases: leases, temporary: temporary, quarantine: quarantine,
      catalog: catalog, pool: pool, sharedFileSystem: shared, immutability: layout.isProtected ? immutability : .off,
      unnamed: unnamed, clock: clock, warn: warn)
    store.sweepAtOpen()
    if isFresh { store.reconcile() }
    return store
  }

  /// A missing directory, or a symbolic link in its place, is the store's refusal.
  private static func refusing(_ body: () throws(SlipwayError) -> Directory) throws(SlipwayError) -> Directory {
    do throws(SlipwayError) {
      return try body()
    } catch {
      var error = error
      if error.code == .storeRefused {
        error.hint = "make the directory, or give another with store.path"
      } else if error.code == .locationNotAllowed {
        error.code = .storeRefused
      }
      throw error
    }
  }

  /// What is ours alone must not lie where another program makes its bases.
  private static func refuseInside(_ outside: String?, _ path: String) throws(SlipwayError) {
    guard let outside else { return }
    for path in [path, FileStatus.resolved(path) ?? path] {
      for cache in [outside, FileStatus.resolved(outside) ?? outside] where path == cache || path.hasPrefix(cache + "/") {
        throw SlipwayError(
          .storeRefused, "the store \(path) would lie in \(cache), where only bases belong", object: path,
          hint: "give another directory on the same file system with store.path")
      }
    }
  }

  private static func refuseIfWritableByAll(_ directory: Directory) throws(SlipwayError) {
    guard try directory.status().mode & 0o002 != 0 else { return }
    throw SlipwayError(
      .storeRefused, "\(directory.path) is writable by everyone, so nothing in it can be trusted", object: directory.path,
      hint: "run chmod o-w \(directory.path) after a look at what is in it")
  }

  private static func readFormat(_ root: Directory, _ layout: Layout, create: Bool) throws {
    if try checkFormat(root, layout) { return }
    // Our own files come after FORMAT, so whatever is here is another software's; a mount point's own directory and our own crash excepted.
    let foreign = try root.names().filter { $0 != "lost+found" && !$0.hasPrefix(".slipway-") }
    guard foreign.isEmpty else {
      // Another process may have made the store since: FORMAT comes before everything else, so it is there then.
      if try checkFormat(root, layout) { return }
      throw SlipwayError(
        .storeRefused, "\(root.path) is not empty and no store (it holds '\(foreign[0])')", object: root.path,
        hint: "give an empty directory with store.path")
    }
    guard create else {
      throw SlipwayError(.storeRefused, "\(root.path) is no store yet", object: root.path, hint: "fetch an image into it first")
    }
    let file = try root.createUnnamed(mode: 0o644, fallback: ".slipway-\(TemporaryName(.json).text)")
    defer { try? file.close() }
    try file.write(try StoreFormat(layout).bytes(), at: 0)
    try file.sync()
    do throws(SlipwayError) {
      try root.link(file, as: StoreFormat.fileName, from: root)
    } catch {
      if let name = file.temporaryName { _ = try? root.remove(name) }
      // Another process makes the store at the same time: its word counts.
      guard error.isNameTaken else { throw error }
      _ = try checkFormat(root, layout)
    }
    try root.sync()
  }

  /// False when there is no FORMAT.
  private static func checkFormat(_ root: Directory, _ layout: Layout) throws -> Bool {
    guard let bytes = try root.contents(of: StoreFormat.fileName, limit: 4096) else { return false }
    guard let format = try? StoreJSON.decode(StoreFormat.self, bytes) else { throw StoreFormat.unreadable(root.path, layout) }
    try format.check(path: root.path, layout)
    return true
  }
}
