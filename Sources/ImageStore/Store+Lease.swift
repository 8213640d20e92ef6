internal import Files
internal import Model
public import Runtime

extension Store {
  /// Protects a base that is there from eviction, from now until the lease is released or this process ends. Any number of leases, of any number
  /// of processes, may stand beside each other. `note` says what for. Waits for nobody.
  ///
  /// Throws `base_not_found` when the base is not there (an eviction that sees the lease in time puts it back: take the base's lock and look
  /// again), `no_space`.
  public func lease(_ name: BaseName, note: String, context: RequestContext) async throws -> BaseLease {
    let request = context.id
    let lease = try await pool.run { try self.leaseNow(name, note, request) }
    // Nobody is there to release what a cancelled task was given.
    if Task.isCancelled {
      lease.release()
      throw CancellationError()
    }
    return lease
  }

  private func leaseNow(_ name: BaseName, _ note: String, _ request: String) throws -> BaseLease {
    let info = LeaseInfo(version: LeaseInfo.currentVersion, owner: .current, request: request, note: note, created: now())
    let bytes = try StoreJSON.encode(info)
    let fileName = TemporaryName(.lease, of: name).text
    let file = try temporary.createUnnamed(mode: 0o600, fallback: TemporaryName(.json).text, unnamed: unnamed)
    do {
      try file.write(bytes, at: 0)
      // Locked before it has its name: a lease that nobody holds is a dead one's.
      _ = try FileLock.lock(file)
      try leases.link(file, as: fileName, from: temporary)
    } catch {
      if let name = file.temporaryName { _ = try? temporary.remove(name) }
      try? file.close()
      throw error
    }
    let lease = BaseLease(name: name, file: file, fileName: fileName, directory: leases)
    // After the lease can be seen: whoever evicts renames first and looks for leases then, so one of us sees the other.
    guard try bases.status(of: name.text)?.kind == .regular else {
      lease.release()
      throw SlipwayError(
        .baseNotFound, "there is no base \(path(of: name))", object: path(of: name), hint: "fetch the image again")
    }
    return lease
  }

  /// The leases that hold now on a base, of all processes on this host.
  public func leases(of name: BaseName) async throws -> [LeaseInfo] {
    try await pool.run { try self.leasesNow(only: name)[name] ?? [] }
  }

  /// The leases that hold now.
  public func allLeases() async throws -> [BaseName: [LeaseInfo]] {
    try await pool.run { try self.leasesNow() }
  }

  func leasesNow(only wanted: BaseName? = nil) throws(SlipwayError) -> [BaseName: [LeaseInfo]] {
    var found: [BaseName: [LeaseInfo]] = [:]
    for text in try leases.names() {
      guard let name = TemporaryName(parsing: text), let base = name.base, wanted == nil || wanted == base else { continue }
      if let info = try leaseInfo(text, name) { found[base, default: []].append(info) }
    }
    return found
  }

  /// Nil when nobody holds it. One that cannot be read holds all the same.
  private func leaseInfo(_ text: String, _ name: TemporaryName) throws(SlipwayError) -> LeaseInfo? {
    let file: File
    do throws(SlipwayError) {
      file = try leases.openFile(text)
    } catch {
      if error.errno == SystemError.notThere { return nil }
      throw error
    }
    defer { try? file.close() }
    // On a shared file system another host's lock is seen only where locks are carried, so its lease is believed. On our own disk an unlocked
    // lease is a dead process's, whatever host it names: hosts get renamed.
    if sharedFileSystem == nil || name.owner.liveness != .elsewhere, try !FileLock.isLocked(file) { return nil }
    if let bytes = try? file.readAll(limit: 1 << 16), let info = try? StoreJSON.decode(LeaseInfo.self, bytes) { return info }
    return LeaseInfo(version: LeaseInfo.currentVersion, owner: name.owner, request: "", note: "", created: 0)
  }
}
