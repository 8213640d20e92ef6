internal import CLinux
internal import Glibc
public import Model

extension File {
  /// Extents from `offset` up to `end`, at most `limit` of them, and where to go on (nil: `end` is reached). They lie end to end, data and
  /// holes. Where the file system knows no holes all is data. Implements `off_t lseek(…, SEEK_DATA | SEEK_HOLE)`.
  public func extents(from offset: Int64, to end: Int64, limit: Int) throws(SlipwayError) -> (extents: [Extent], next: Int64?) {
    try descriptor.with { number throws(SlipwayError) in
      var found: [Extent] = []
      var position = offset
      while position < end, found.count < max(1, limit) {
        let data = try seek(number, position, data: true).map { min($0, end) } ?? end
        if data > position {
          found.append(Extent(offset: position, length: data - position, isData: false))
          position = data
          continue
        }
        // A hole of no length would make us spin: there is data at `position`, so the hole after it lies further on.
        let hole = max(try seek(number, position, data: false).map { min($0, end) } ?? end, position + 1)
        found.append(Extent(offset: position, length: hole - position, isData: true))
        position = hole
      }
      return (found, position < end ? position : nil)
    }
  }

  /// Whether there is no data from `offset` up to `end`. Does not look for the hole after the data, which costs a walk over all of it on file systems
  /// in memory. Implements `off_t lseek(…, SEEK_DATA)`.
  public func isHole(from offset: Int64, to end: Int64) throws(SlipwayError) -> Bool {
    try descriptor.with { number throws(SlipwayError) in try seek(number, offset, data: true).map { $0 >= end } ?? true }
  }

  /// The next data or hole at or after `position`, nil for none before the end of the file.
  private func seek(_ number: Int32, _ position: Int64, data: Bool) throws(SlipwayError) -> Int64? {
    // SEEK_DATA and SEEK_HOLE, which Swift's Glibc hides behind _GNU_SOURCE.
    let found = lseek(number, off_t(position), data ? 3 : 4)
    if found >= 0 { return Int64(found) }
    switch errno {
    case ENXIO: return nil
    case EINVAL, EOPNOTSUPP: return data ? position : nil
    default: throw Attempt(verb: "find the holes of", path: path).failure(errno)
    }
  }

  /// Makes `length` bytes at `offset` a hole, the size unchanged; false where the file system cannot. Implements
  /// `int fallocate(…, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, …)`.
  public func punchHole(at offset: Int64, length: Int64) throws(SlipwayError) -> Bool {
    try supported("punch a hole into") { slipway_punch_hole($0, offset, length) }
  }

  /// Allocates `length` bytes at `offset`, the size unchanged; false where the file system cannot. Throws `no_space`. Implements
  /// `int fallocate(…, FALLOC_FL_KEEP_SIZE, …)`.
  public func reserve(at offset: Int64, length: Int64) throws(SlipwayError) -> Bool {
    try supported("reserve space for") { slipway_reserve($0, offset, length) }
  }

  /// Becomes a copy of `source` that shares its blocks; false where the file system cannot, or the two lie on different ones. Implements
  /// `int ioctl(…, FICLONE, …)`.
  public func reflink(from source: File) throws(SlipwayError) -> Bool {
    try source.descriptor.with { other throws(SlipwayError) in
      try supported("share the blocks of \(source.path) with") { slipway_reflink($0, other) }
    }
  }

  /// Starts writing a range to storage without waiting, so that the fsync at the end is short. A hint: failure is no error. Implements
  /// `int sync_file_range(…, SYNC_FILE_RANGE_WRITE)`.
  public func startWriteBack(at offset: Int64, length: Int64) throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in _ = slipway_start_writeback(number, offset, length) }
  }

  private func supported(_ verb: String, _ call: (Int32) -> Int32) throws(SlipwayError) -> Bool {
    try descriptor.with { number throws(SlipwayError) in
      while call(number) != 0 {
        switch errno {
        case EINTR: continue
        case EOPNOTSUPP, ENOSYS, EXDEV, EINVAL, ENOTTY: return false
        default: throw Attempt(verb: verb, path: path).failure(errno)
        }
      }
      return true
    }
  }
}
