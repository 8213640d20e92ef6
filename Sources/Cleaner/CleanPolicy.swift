public import Model

/// By what rules bases go. Times in whole seconds.
public struct CleanPolicy: Sendable, Hashable {
  /// How much of the file system stays free.
  public enum Free: Sendable, Hashable {
    /// A number of bytes; 0 switches the rule off.
    case bytes(ByteCount)
    /// Of the whole file system, 0 (off) to 100.
    case percent(Int)
  }

  /// A base that was used last longer ago than this may go; 0 switches the rule off.
  public var unusedFor: Int64
  /// A base that was made less long ago than this stays, whatever else holds.
  public var minAge: Int64
  /// Limit on what all bases occupy, nil for none.
  public var maxBytes: ByteCount?
  /// Limit on their number, nil for none.
  public var maxCount: Int?
  /// What stays free.
  public var minFree: Free
  /// Whether a base that disks stand on may be put aside for a limit, once no other may go: its disks live on, and its space comes free with them.
  public var movesUsed = false

  /// A policy; by default nothing goes.
  public init(
    unusedFor: Int64 = 0, minAge: Int64 = 0, maxBytes: ByteCount? = nil, maxCount: Int? = nil, minFree: Free = .bytes(ByteCount(0))
  ) {
    self.unusedFor = unusedFor
    self.minAge = minAge
    self.maxBytes = maxBytes
    self.maxCount = maxCount
    self.minFree = minFree
  }

  /// The bytes that stay free of a file system of `total` bytes; 0 when its size is not known and a share of it is asked.
  func watermark(total: Int64) -> Int64 {
    switch minFree {
    case .bytes(let count): return count.bytes
    case .percent(let percent):
      let share = Int64(min(max(0, percent), 100))
      // Apart, so that the product never overflows.
      return total / 100 * share + total % 100 * share / 100
    }
  }
}
