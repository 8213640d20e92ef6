internal import CLinux
internal import Glibc
public import Model

/// An open file. All calls block, so they are made on owned threads; they name their offset, so several threads may use one file.
///
/// Close it: `deinit` does too, but swallows the error and counts it (`OpenFiles.forgottenCount`). Every call throws `internal` after that.
public final class File: Sendable {
  /// What it may be opened for.
  public enum Access: Sendable, Hashable {
    case read, readWrite
  }

  /// Where it was opened, for sentences; an unnamed file has its directory's path with `(unnamed)`.
  public let path: String
  /// The name of a temporary file in the directory that made it; nil for an unnamed one, and for files opened by name.
  public let temporaryName: String?
  let descriptor: Descriptor

  init(_ number: Int32, path: String, temporaryName: String? = nil) {
    self.path = path
    self.temporaryName = temporaryName
    descriptor = Descriptor(number, path: path)
  }

  /// Closes it. Closing twice changes nothing. Throws what close(2) reports.
  public func close() throws(SlipwayError) { try descriptor.close() }

  /// Reads until `buffer` is full or the file ends; the number of bytes read. Implements `ssize_t pread(…)`.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SlipwayError) -> Int {
    try descriptor.with { number throws(SlipwayError) in
      guard let base = buffer.baseAddress else { return 0 }
      var done = 0
      while done < buffer.count {
        let count = try checked(Attempt(verb: "read", path: path)) { pread(number, base + done, buffer.count - done, off_t(offset) + done) }
        if count == 0 { break }
        done += count
      }
      return done
    }
  }

  /// Fills `buffer`. Throws `io_error` when the file ends before.
  public func readExactly(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SlipwayError) {
    let count = try read(into: buffer, at: offset)
    guard count == buffer.count else {
      throw SlipwayError(.ioError, "\(path) ends at byte \(offset + Int64(count)), \(buffer.count - count) bytes too early", object: path)
    }
  }

  /// The whole content, at most `limit` bytes. Throws `io_error` when it is longer.
  public func readAll(limit: Int) throws(SlipwayError) -> [UInt8] {
    let size = try self.size()
    guard size <= Int64(limit) else {
      throw SlipwayError(.ioError, "\(path) has \(size) bytes, at most \(limit) are expected", object: path)
    }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    let count: Int
    do {
      count = try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0) }
    } catch let error as SlipwayError {
      throw error
    } catch { throw SlipwayError.wrap(error) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// Writes all of `bytes`. Throws `no_space` when the file system or quota is full. Implements `ssize_t pwrite(…)`.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in
      guard let base = bytes.baseAddress else { return }
      var done = 0
      while done < bytes.count {
        let count = try checked(Attempt(verb: "write to", path: path)) {
          pwrite(number, base + done, bytes.count - done, off_t(offset) + done)
        }
        // pwrite of more than 0 bytes answers 0 on no file system that we know; without this it would spin.
        if count == 0 { throw Attempt(verb: "write to", path: path).failure(EIO) }
        done += count
      }
    }
  }

  /// Writes all of `bytes`; as above.
  public func write(_ bytes: [UInt8], at offset: Int64) throws(SlipwayError) {
    do {
      try bytes.withUnsafeBytes { try write($0, at: offset) }
    } catch let error as SlipwayError {
      throw error
    } catch { throw SlipwayError.wrap(error) }
  }

  /// Cuts or extends (by a hole) to `size` bytes. Implements `int ftruncate(…)`.
  public func truncate(to size: Int64) throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "set the size of", path: path)) { ftruncate(number, off_t(size)) }
    }
  }

  /// Waits until content and metadata are on stable storage. Implements `int fsync(…)`.
  public func sync() throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in try checked(Attempt(verb: "sync", path: path)) { fsync(number) } }
  }

  /// Waits until the content is on stable storage. Implements `int fdatasync(…)`.
  public func syncData() throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in try checked(Attempt(verb: "sync", path: path)) { fdatasync(number) } }
  }

  /// Implements `int fstat(…)`.
  public func status() throws(SlipwayError) -> FileStatus {
    try descriptor.with { number throws(SlipwayError) in
      var status = stat()
      try checked(Attempt(verb: "look at", path: path)) { fstat(number, &status) }
      return FileStatus(status)
    }
  }

  /// The size in bytes, of a block device too.
  public func size() throws(SlipwayError) -> Int64 {
    let status = try self.status()
    guard status.kind == .blockDevice else { return status.size }
    return try descriptor.with { number throws(SlipwayError) in
      Int64(try checked(Attempt(verb: "measure", path: path)) { lseek(number, 0, SEEK_END) })
    }
  }

  /// Sets the permission bits exactly (no umask). Implements `int fchmod(…)`.
  public func setMode(_ mode: UInt32) throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "set the mode of", path: path)) { fchmod(number, mode_t(mode)) }
    }
  }

  /// Whether this process may give files to others: root, or a service with CAP_CHOWN.
  public static let mayBeGiven = slipway_may_chown()

  /// Sets owner and group. Implements `int fchown(…)`.
  public func setOwner(uid: UInt32, gid: UInt32) throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "set the owner of", path: path)) { fchown(number, uid, gid) }
    }
  }
}
