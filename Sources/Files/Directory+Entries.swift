internal import Glibc
public import Model

/// One name in a directory, and what it leads to with symbolic links followed.
public struct DirectoryEntry: Sendable, Hashable {
  /// What a name leads to.
  public enum Target: Sendable, Hashable {
    /// That.
    case found(FileStatus)
    /// It was removed or renamed while the directory was read.
    case gone
    /// It is a symbolic link to something that is not there, or to itself.
    case nowhere
    /// It cannot be looked at: the error number.
    case hidden(SystemError)
  }

  /// The name; one that is not UTF-8 is repaired.
  public let name: String
  /// Whether the name is UTF-8; one that is not can be shown but not opened.
  public let isExact: Bool
  /// What it leads to.
  public let target: Target
}

extension FileStatus {
  /// Which file it is, whatever its names.
  public var identity: FileIdentity { FileIdentity(device: device, inode: inode) }

  /// What lies at `path`, by default with symbolic links followed; nil when nothing does. Implements `int fstatat(…)`.
  public static func of(_ path: String, followSymlinks: Bool = true) throws(SlipwayError) -> FileStatus? {
    var status = stat()
    let flags = followSymlinks ? 0 : AT_SYMLINK_NOFOLLOW
    do throws(SlipwayError) {
      try checked(Attempt(verb: "look at", path: path)) { fstatat(AT_FDCWD, path, &status, flags) }
    } catch {
      if error.errno == ENOENT || error.errno == ENOTDIR || error.errno == ELOOP { return nil }
      throw error
    }
    return FileStatus(status)
  }

  /// The path of the file at `path` without symbolic links, nil when it is not there or is no UTF-8. Implements `char *realpath(…)`.
  public static func resolved(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(validatingCString: found)
  }
}

extension Directory {
  /// Opens a directory that may be reached by symbolic links: one that is looked into and not written to. Throws `missing` when it is not there.
  public static func following(_ path: String, missing: ErrorCode = .ioError) throws(SlipwayError) -> Directory {
    let attempt = Attempt(verb: "open the directory", path: path, missing: missing)
    let number = try checked(attempt) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    return try Directory(number, path: path)
  }

  /// What is in it without `.` and `..`, in no order. Throws `io_error` when there are more than `limit` names.
  public func entries(limit: Int) throws(SlipwayError) -> [DirectoryEntry] {
    let attempt = Attempt(verb: "list", path: path)
    return try descriptor.with { number throws(SlipwayError) in
      // A descriptor of its own: reading moves the position.
      let own = try checked(attempt) { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
      guard let stream = fdopendir(own) else {
        let code = errno
        _ = Glibc.close(own)
        throw attempt.failure(code)
      }
      defer { closedir(stream) }
      var found: [DirectoryEntry] = []
      while true {
        errno = 0
        guard let entry = readdir(stream) else {
          if errno != 0 { throw attempt.failure(errno) }
          return found
        }
        let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        if bytes == [UInt8(ascii: ".")] || bytes == Array("..".utf8) { continue }
        guard found.count < limit else {
          throw SlipwayError(.ioError, "\(path) has more than \(limit) names", object: path)
        }
        let name = String(decoding: bytes, as: UTF8.self)
        let target = Directory.look(number, bytes)
        found.append(DirectoryEntry(name: name, isExact: Array(name.utf8) == bytes, target: target))
      }
    }
  }

  private static func look(_ directory: Int32, _ name: [UInt8]) -> DirectoryEntry.Target {
    let name = name.map { CChar(bitPattern: $0) } + [0]
    var status = stat()
    while fstatat(directory, name, &status, 0) != 0 {
      switch errno {
      case EINTR: continue
      case ELOOP: return .nowhere
      case ENOENT, ENOTDIR:
        return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? .nowhere : .gone
      case let code: return .hidden(SystemError(code))
      }
    }
    return .found(FileStatus(status))
  }
}
