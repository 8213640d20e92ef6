internal import CLinux
internal import Glibc
public import Model

/// The room on a file system.
public struct FileSystemSpace: Sendable, Hashable {
  /// Bytes in all; 0 when the file system does not tell.
  public let total: Int64
  /// Bytes that we may still use: what is kept for root counts as used, since what we store must not fill a host to the brim.
  public let free: Int64
}

extension Directory {
  /// The room on its file system. Implements `int fstatvfs(…)`.
  public func space() throws(SlipwayError) -> FileSystemSpace {
    try descriptor.with { number throws(SlipwayError) in
      var figures = statvfs()
      try checked(Attempt(verb: "ask the free space of", path: path)) { fstatvfs(number, &figures) }
      let unit = Int64(clamping: figures.f_frsize)
      let total = Int64(clamping: figures.f_blocks).multipliedReportingOverflow(by: unit)
      let free = Int64(clamping: figures.f_bavail).multipliedReportingOverflow(by: unit)
      return FileSystemSpace(total: total.overflow ? .max : total.partialValue, free: free.overflow ? .max : free.partialValue)
    }
  }

  /// The magic number of its file system (statfs(2) `f_type`), 0 when it cannot be asked.
  public func fileSystemType() throws(SlipwayError) -> Int64 {
    try descriptor.with { number in slipway_filesystem_type(number) }
  }

  /// Throws `permission_denied` or `io_error` (read-only file system) unless files can be made here. Implements `int faccessat(…)`.
  public func checkWritable() throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "write in", path: path)) { faccessat(number, ".", W_OK | X_OK, 0) }
    }
  }
}
