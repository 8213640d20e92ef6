internal import Glibc

/// Helpers on whole images in memory that are quick in debug builds too, where a loop over bytes is not.
public enum Bytes {
  /// `count` zeros.
  public static func zeros(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
      if let base = memory.baseAddress { memset(base, 0, count) }
      filled = count
    }
  }

  /// The first offset at which the two differ, or where the shorter ends; nil when they are equal. To be expected instead of `a == b`,
  /// which would describe megabytes.
  public static func firstDifference(_ a: [UInt8], _ b: [UInt8]) -> Int? {
    let common = min(a.count, b.count)
    let same = a.withUnsafeBytes { x in
      b.withUnsafeBytes { y in
        guard let left = x.baseAddress, let right = y.baseAddress else { return true }
        return memcmp(left, right, common) == 0
      }
    }
    if same { return a.count == b.count ? nil : common }
    return (0..<common).first { a[$0] != b[$0] }
  }
}
