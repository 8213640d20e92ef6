internal import Files
internal import Model

extension Layout {
  /// nova-compute's image cache, so that an unmodified one finds it warm: `<instances_path>/_base/<sha1 of the image id>`, 0644 and owned as Nova's
  /// own files are, under the lock `<instances_path>/locks/nova-<sha1>` that Nova takes, too. `uid` and `gid` name the owner where that is not the
  /// one of Nova's directories; `removesTheirs` lets cleaning remove what Nova made.
  public static func nova(_ settings: NovaSettings, uid: UInt32? = nil, gid: UInt32? = nil, removesTheirs: Bool = false) -> Layout {
    let cache = "\(settings.instancesPath == "/" ? "" : settings.instancesPath)/\(settings.cacheName)"
    return Layout(
      word: "nova", baseMode: 0o644, lockMode: 0o644, name: { BaseName(nova: $0) }, lock: { "nova-\($0)" }, outside: cache,
      places: { root, _ in try NovaPlaces(settings: settings, cache: cache, uid: uid, gid: gid).open(root) },
      disks: settings.instancesPath,
      sharing: Sharing(with: "nova-compute", forcesRaw: settings.forcesRaw, removesTheirs: removesTheirs))
  }
}

/// The directories of nova-compute that hold bases and their locks.
private struct NovaPlaces {
  let settings: NovaSettings
  let cache: String
  let uid: UInt32?
  let gid: UInt32?

  func open(_ root: Directory) throws -> Layout.Places {
    // Reached by symbolic links if the administrator laid it out so; the cache and the locks in it must be real.
    let found = try Directory.following(settings.instancesPath, missing: .storeRefused)
    defer { try? found.close() }
    guard try found.status().device == root.status().device else {
      throw SlipwayError(
        .storeRefused,
        "the store \(root.path) lies on another file system than \(found.path), so no base can be moved from one to the other",
        object: root.path, hint: "give store.path on that file system, such as \(found.path)/.slipway")
    }
    let instances = try owned(found)
    defer { try? instances.close() }
    let bases = try directory(settings.cacheName, in: instances)
    guard try bases.status(of: StoreFormat.fileName) == nil else {
      throw SlipwayError(
        .storeRefused, "\(bases.path) is a store of the native layout, and 'nova' is configured", object: bases.path,
        hint: "give the other agent a store.path of its own, or this one another layout")
    }
    try NovaClaim.take(root: root, in: instances)
    return Layout.Places(bases: bases, baseLocks: try directory("locks", in: instances))
  }

  private func directory(_ name: String, in instances: Directory) throws -> Directory {
    do throws(SlipwayError) {
      let plain = try instances.directory(name, create: 0o755)
      defer { try? plain.close() }
      return try owned(plain)
    } catch {
      var error = error
      if error.code == .locationNotAllowed { error.code = .storeRefused }
      throw error
    }
  }

  /// What is made in a directory belongs to its owner, unless the configuration names another.
  private func owned(_ directory: Directory) throws(SlipwayError) -> Directory {
    let status = try directory.status()
    return try directory.bequeathing(uid: uid ?? status.uid, gid: gid ?? status.gid)
  }
}

/// Which store looks after a cache of Nova's: with two, each would remove what the other protects. A file beside the cache says so.
private struct NovaClaim: Codable {
  static let fileName = ".slipway-store.json"

  var kind = "slipway-nova-claim"
  var version = 1
  /// Path of the store; a container may see it under another.
  var store: String
  /// Inode number of the store's directory.
  var inode: UInt64

  static func take(root: Directory, in instances: Directory) throws {
    let own = NovaClaim(store: root.path, inode: try root.status().inode)
    if let bytes = try instances.contents(of: fileName, limit: 4096) { return try check(bytes, own, instances) }
    do throws(SlipwayError) {
      let file = try instances.createUnnamed(mode: 0o644, fallback: ".slipway-\(TemporaryName(.json).text)")
      defer { try? file.close() }
      do {
        try file.write(try StoreJSON.encode(own), at: 0)
        try file.sync()
        try instances.link(file, as: fileName, from: instances)
      } catch {
        if let name = file.temporaryName { _ = try? instances.remove(name) }
        throw SlipwayError.wrap(error)
      }
    } catch {
      guard error.isNameTaken, let bytes = try instances.contents(of: fileName, limit: 4096) else { throw error }
      return try check(bytes, own, instances)
    }
    try instances.sync()
  }

  private static func check(_ bytes: [UInt8], _ own: NovaClaim, _ instances: Directory) throws {
    let path = "\(instances.path)/\(fileName)"
    guard let claim = try? StoreJSON.decode(NovaClaim.self, bytes), claim.kind == own.kind else {
      throw SlipwayError(.storeRefused, "\(path) says nothing about a store", object: path, hint: "remove it if nobody knows it")
    }
    guard claim.store == own.store || claim.inode == own.inode else {
      throw SlipwayError(
        .storeRefused, "the store \(claim.store) looks after Nova's cache in \(instances.path) already, so \(own.store) may not",
        object: path,
        hint: "use that store, or remove \(path) once it is given up")
    }
  }
}
