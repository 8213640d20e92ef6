internal import CLinux
internal import Glibc
public import Model

/// An open directory, to which all that is done in it is anchored: names are single components, symbolic links are never followed.
/// All calls block, so they are made on owned threads; several threads may use one.
public final class Directory: Sendable {
  /// Absolute path, as it was opened.
  public let path: String
  let descriptor: Descriptor
  /// Who gets what is made here: the directory's owner, when root makes it for another user's directory; nil leaves it to the kernel.
  let heir: (uid: UInt32, gid: UInt32)?

  init(_ number: Int32, path: String, heir: (uid: UInt32, gid: UInt32)? = nil) throws(SlipwayError) {
    let descriptor = Descriptor(number, path: path)
    let status = try descriptor.with { number throws(SlipwayError) in
      var status = stat()
      try checked(Attempt(verb: "look at", path: path)) { fstat(number, &status) }
      return FileStatus(status)
    }
    self.heir = heir ?? (geteuid() == 0 && (status.uid != 0 || status.gid != 0) ? (status.uid, status.gid) : nil)
    self.path = path
    self.descriptor = descriptor
  }

  /// Opens the directory at `path` (a relative one counts from the working directory); its last component must not be a symbolic link. With
  /// `create` it is made with that mode when missing, and its parents with 0755. Throws `missing` when it is not there.
  public static func open(_ path: String, create mode: UInt32? = nil, missing: ErrorCode = .ioError) throws(SlipwayError) -> Directory {
    let path = try absolute(path)
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let attempt = Attempt(verb: "open the directory", path: path, missing: missing)
    do throws(SlipwayError) {
      return try Directory(try checked(attempt) { Glibc.open(path, flags) }, path: path)
    } catch {
      if error.errno == ENOTDIR, isSymbolicLink(path) { throw attempt.failure(ELOOP) }
      guard error.errno == ENOENT, let mode, let slash = path.lastIndex(of: "/"), path != "/" else { throw error }
      let parent = slash == path.startIndex ? "/" : String(path[..<slash])
      // Parents may be reached by symbolic links: that is the administrator's layout, as long as our own directory is real.
      let above = try openFollowing(parent, create: 0o755)
      defer { try? above.close() }
      return try above.directory(String(path[path.index(after: slash)...]), create: mode)
    }
  }

  private static func openFollowing(_ path: String, create mode: UInt32) throws(SlipwayError) -> Directory {
    let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if number >= 0 { return try Directory(number, path: path) }
    guard errno == ENOENT else { throw Attempt(verb: "open the directory", path: path).failure(errno) }
    return try open(path, create: mode)
  }

  /// Opens the directory `name` in this one. With `create` it is made with exactly that mode when missing.
  public func directory(_ name: String, create mode: UInt32? = nil, missing: ErrorCode = .ioError) throws(SlipwayError) -> Directory {
    let target = try child(name)
    let attempt = Attempt(verb: "open the directory", path: target, missing: missing)
    return try descriptor.with { parent throws(SlipwayError) in
      var made = false
      if let mode {
        made = mkdirat(parent, name, mode_t(mode)) == 0
        if !made, errno != EEXIST { throw Attempt(verb: "make the directory", path: target).failure(errno) }
      }
      let opened: Int32
      do throws(SlipwayError) {
        opened = try checked(attempt) { openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
      } catch {
        if error.errno == ENOTDIR, try status(of: name)?.kind == .symbolicLink { throw attempt.failure(ELOOP) }
        throw error
      }
      if made, let mode {
        // Exactly the mode asked for, whatever the umask says.
        _ = fchmod(opened, mode_t(mode))
        if let heir { _ = fchown(opened, heir.uid, heir.gid) }
      }
      return try Directory(opened, path: target)
    }
  }

  /// The same directory, where what is made belongs to that user and group, whoever owns the directory itself. To be closed by itself.
  public func bequeathing(uid: UInt32, gid: UInt32) throws(SlipwayError) -> Directory {
    try descriptor.with { number throws(SlipwayError) in
      let own = try checked(Attempt(verb: "open the directory", path: path)) {
        openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      }
      return try Directory(own, path: path, heir: (uid, gid))
    }
  }

  /// Closes it. Closing twice changes nothing.
  public func close() throws(SlipwayError) { try descriptor.close() }

  /// The path of `name` in it. Throws `invalid_name` unless `name` is one component, and neither `.` nor `..`.
  public func child(_ name: String) throws(SlipwayError) -> String {
    guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")), !name.utf8.contains(0) else {
      throw SlipwayError(.invalidName, "'\(name)' is no file name in \(path)", object: name)
    }
    return path == "/" ? "/\(name)" : "\(path)/\(name)"
  }

  /// The names in it without `.` and `..`, sorted. Names that are not UTF-8 are repaired, so they can be shown but not opened.
  public func names() throws(SlipwayError) -> [String] {
    let attempt = Attempt(verb: "list", path: path)
    // A descriptor of its own: reading moves the position.
    let own = try descriptor.with { number throws(SlipwayError) in
      try checked(attempt) { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }
    guard let stream = fdopendir(own) else {
      let number = errno
      _ = Glibc.close(own)
      throw attempt.failure(number)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw attempt.failure(errno) }
        return names.sorted()
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  /// Makes what was renamed, linked and removed here last. Implements `int fsync(…)`.
  public func sync() throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in try checked(Attempt(verb: "sync", path: path)) { fsync(number) } }
  }

  /// The directory itself.
  public func status() throws(SlipwayError) -> FileStatus {
    try descriptor.with { number throws(SlipwayError) in
      var status = stat()
      try checked(Attempt(verb: "look at", path: path)) { fstat(number, &status) }
      return FileStatus(status)
    }
  }

  private static func isSymbolicLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && FileStatus(status).kind == .symbolicLink
  }

  /// `path` from the root, without trailing slashes (with one, O_NOFOLLOW would not see a symbolic link).
  private static func absolute(_ path: String) throws(SlipwayError) -> String {
    guard !path.isEmpty, !path.utf8.contains(0) else { throw SlipwayError(.usage, "a directory's path is empty or holds a NUL") }
    var whole = path
    if !path.hasPrefix("/") {
      guard let working = getcwd(nil, 0) else { throw Attempt(verb: "find", path: "the working directory").failure(errno) }
      whole = String(cString: working) + "/" + path
      free(working)
    }
    while whole.count > 1, whole.hasSuffix("/") || whole.hasSuffix("/.") { whole.removeLast() }
    return whole
  }
}
