internal import CLinux

/// Finds what needs to be written.
enum ZeroScan {
  /// The ranges of `bytes` that hold anything but zeros, in whole blocks of `granularity` (the last may be shorter), neighbours as one.
  static func runs(in bytes: UnsafeRawBufferPointer, granularity: Int) -> [Range<Int>] {
    guard let base = bytes.baseAddress else { return [] }
    var runs: [Range<Int>] = []
    var start: Int?
    var offset = 0
    while offset < bytes.count {
      let length = min(granularity, bytes.count - offset)
      if slipway_is_zero(base + offset, length) {
        if let first = start { runs.append(first..<offset) }
        start = nil
      } else if start == nil {
        start = offset
      }
      offset += length
    }
    if let first = start { runs.append(first..<bytes.count) }
    return runs
  }
}
