internal import CLinux
internal import Glibc
public import Model

extension Directory {
  /// Opens the regular file `name`. Throws `missing` when it is not there, `location_not_allowed` when it is a symbolic link, `io_error` when
  /// it is no regular file, `busy` when somebody else's lease on it does not end. Waits, 10 s at most, for whoever has a write lease: an eviction in
  /// another process, say, which this very call makes give way.
  public func openFile(_ name: String, _ access: File.Access = .read, missing: ErrorCode = .ioError) throws(SlipwayError) -> File {
    let target = try child(name)
    let mode = access == .read ? O_RDONLY : O_RDWR
    return try descriptor.with { parent throws(SlipwayError) in
      // O_NONBLOCK: a FIFO under this name must not make us wait; of regular files only a leased one heeds it (EWOULDBLOCK, and the lease breaks).
      let flags = mode | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
      var opened: Int32 = -1
      var patience = Directory.leasePatience
      while opened < 0 {
        do throws(SlipwayError) {
          opened = try checked(Attempt(verb: "open", path: target, missing: missing)) { openat(parent, name, flags) }
        } catch {
          guard error.errno == EWOULDBLOCK, patience > 0 else { throw error }
          patience -= 1
          usleep(5000)
        }
      }
      let file = File(opened, path: target)
      guard try file.status().kind == .regular else {
        try? file.close()
        throw SlipwayError(.ioError, "\(target) is no regular file", object: target)
      }
      return file
    }
  }

  /// How often a leased file is tried again, every 5 ms.
  private static let leasePatience = 2000

  /// Makes the file `name`, which must not be there yet (errno EEXIST), for reading and writing, with exactly `mode`.
  public func createFile(_ name: String, mode: UInt32 = 0o600) throws(SlipwayError) -> File {
    let target = try child(name)
    return try descriptor.with { parent throws(SlipwayError) in
      let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      let opened = try checked(Attempt(verb: "make", path: target)) { openat(parent, name, flags, mode_t(mode)) }
      let file = File(opened, path: target, temporaryName: name)
      try adopt(file, mode: mode)
      return file
    }
  }

  /// Opens the file `name` for reading and writing, made with `mode` when it is not there: for lock files.
  public func openOrCreateFile(_ name: String, mode: UInt32 = 0o600) throws(SlipwayError) -> File {
    for _ in 0..<16 {
      do throws(SlipwayError) {
        return try openFile(name, .readWrite)
      } catch {
        guard error.errno == ENOENT else { throw error }
      }
      do throws(SlipwayError) {
        return try createFile(name, mode: mode)
      } catch {
        guard error.errno == EEXIST else { throw error }
      }
    }
    throw SlipwayError(.busy, "\(try child(name)) is made and removed again and again", object: try child(name))
  }

  /// Makes a file without a name (O_TMPFILE), which is gone with its last descriptor, for reading and writing, with exactly `mode`. Where the
  /// file system has no such files, or `unnamed` is false, the file gets the name `fallback` (see `File.temporaryName`).
  public func createUnnamed(mode: UInt32 = 0o600, fallback: String, unnamed: Bool = true) throws(SlipwayError) -> File {
    if unnamed {
      let (opened, number) = try descriptor.with { parent in
        let opened = openat(parent, ".", slipway_O_TMPFILE | O_RDWR | O_CLOEXEC, mode_t(mode))
        return (opened, errno)
      }
      if opened >= 0 {
        let file = File(opened, path: "\(path)/(unnamed)")
        try adopt(file, mode: mode)
        return file
      }
      // EISDIR and ENOENT come from kernels and file systems that don't know the flag.
      let refusals: Set<Int32> = [EOPNOTSUPP, EISDIR, ENOENT, EINVAL, ENOSYS]
      guard refusals.contains(number) else { throw Attempt(verb: "make a file in", path: path).failure(number) }
    }
    return try createFile(fallback, mode: mode)
  }

  /// Gives a file made here or elsewhere on the same file system the name `name`, which must not be there (errno EEXIST). A temporary name
  /// that it has in `origin` is removed. Implements `int linkat(…)`.
  public func link(_ file: File, as name: String, from origin: Directory) throws(SlipwayError) {
    let target = try child(name)
    let attempt = Attempt(verb: "link", path: target)
    try descriptor.with { parent throws(SlipwayError) in
      guard let temporary = file.temporaryName else {
        try file.descriptor.with { number throws(SlipwayError) in
          try checked(attempt) { slipway_link_unnamed(number, parent, name) }
        }
        return
      }
      try origin.descriptor.with { source throws(SlipwayError) in
        try checked(attempt) { linkat(source, temporary, parent, name, 0) }
      }
      try origin.remove(temporary)
    }
  }

  /// Renames `name` to `newName` in `target`, which must not be there (errno EEXIST) unless `replacing`. Implements `int renameat2(…)`.
  public func rename(_ name: String, to newName: String, in target: Directory, replacing: Bool = false) throws(SlipwayError) {
    let from = try child(name)
    let to = try target.child(newName)
    let attempt = Attempt(verb: "rename \(from) to", path: to)
    try descriptor.with { source throws(SlipwayError) in
      try target.descriptor.with { destination throws(SlipwayError) in
        if replacing {
          try checked(attempt) { renameat(source, name, destination, newName) }
          return
        }
        do throws(SlipwayError) {
          try checked(attempt) { slipway_rename_noreplace(source, name, destination, newName) }
        } catch {
          // File systems without RENAME_NOREPLACE (NFS) can still link without replacing.
          guard error.errno == EINVAL || error.errno == ENOSYS else { throw error }
          try checked(attempt) { linkat(source, name, destination, newName, 0) }
          try checked(attempt) { unlinkat(source, name, 0) }
        }
      }
    }
  }

  /// Removes the name of a file; false when it was not there. Implements `int unlinkat(…)`.
  @discardableResult
  public func remove(_ name: String) throws(SlipwayError) -> Bool {
    let target = try child(name)
    return try descriptor.with { parent throws(SlipwayError) in
      do throws(SlipwayError) {
        try checked(Attempt(verb: "remove", path: target)) { unlinkat(parent, name, 0) }
        return true
      } catch {
        if error.errno == ENOENT { return false }
        throw error
      }
    }
  }

  /// What `name` is, without following a symbolic link; nil when it is not there.
  public func status(of name: String) throws(SlipwayError) -> FileStatus? {
    let target = try child(name)
    return try descriptor.with { parent throws(SlipwayError) in
      var status = stat()
      do throws(SlipwayError) {
        try checked(Attempt(verb: "look at", path: target)) { fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) }
      } catch {
        if error.errno == ENOENT { return nil }
        throw error
      }
      return FileStatus(status)
    }
  }

  /// The content of the small file `name`, at most `limit` bytes; nil when it is not there.
  public func contents(of name: String, limit: Int = 1 << 20) throws(SlipwayError) -> [UInt8]? {
    let file: File
    do throws(SlipwayError) {
      file = try openFile(name)
    } catch {
      if error.errno == ENOENT { return nil }
      throw error
    }
    defer { try? file.close() }
    return try file.readAll(limit: limit)
  }

  /// Writes the small file `name`, replacing one that is there, so that it is seen whole or not at all, also after a crash: temporary file
  /// `temporary` in `origin` → fsync → rename → fsync of this directory. What need not outlive a crash (progress) is not `durable`: no fsync.
  public func replace(
    _ name: String, with bytes: [UInt8], mode: UInt32 = 0o600, temporary: String, in origin: Directory, durable: Bool = true
  ) throws(SlipwayError) {
    let file = try origin.createFile(temporary, mode: mode)
    do throws(SlipwayError) {
      try file.write(bytes, at: 0)
      if durable { try file.sync() }
      try file.close()
      try origin.rename(temporary, to: name, in: self, replacing: true)
    } catch {
      try? file.close()
      _ = try? origin.remove(temporary)
      throw error
    }
    if durable { try sync() }
  }

  /// Something that no other file has that was ever made under this name: inode and birth time (nanoseconds since 1970, 0 where the file system keeps
  /// none; inode numbers are used again). Neither changes with the file's content, times, mode or names. Nil when it is not there. Implements
  /// `int statx(…)`.
  public func birthMark(of name: String) throws(SlipwayError) -> String? {
    let target = try child(name)
    guard let status = try status(of: name) else { return nil }
    return try descriptor.with { parent throws(SlipwayError) in
      do throws(SlipwayError) {
        return "\(status.inode) \(try checked(Attempt(verb: "look at", path: target)) { slipway_birth_time(parent, name) })"
      } catch {
        if error.errno == ENOENT { return nil }
        throw error
      }
    }
  }

  /// Whether the file `name` is immutable, without opening it (an opener would break a lease); nil where the file system does not say, and where
  /// nothing is there. Implements `int statx(…)`.
  public func isImmutable(_ name: String) throws(SlipwayError) -> Bool? {
    let target = try child(name)
    return try descriptor.with { parent throws(SlipwayError) in
      do throws(SlipwayError) {
        let answer = try checked(Attempt(verb: "look at", path: target)) { slipway_look_immutable(parent, name) }
        return answer == 2 ? nil : answer == 1
      } catch {
        if error.errno == ENOENT { return nil }
        throw error
      }
    }
  }

  /// Sets the times of the file `name` to now. Throws `permission_denied` (errno EACCES or EPERM) for another user's file. Implements
  /// `int utimensat(…)`.
  public func touch(_ name: String) throws(SlipwayError) {
    let target = try child(name)
    try descriptor.with { parent throws(SlipwayError) in
      try checked(Attempt(verb: "touch", path: target)) { slipway_touch(parent, name) }
    }
  }

  /// The heir gets the file, and it gets exactly the mode asked for, whatever the umask says.
  public func adopt(_ file: File, mode: UInt32) throws(SlipwayError) {
    try file.setMode(mode)
    if let heir { try file.setOwner(uid: heir.uid, gid: heir.gid) }
  }
}
