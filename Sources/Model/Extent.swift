/// A run of bytes in an image: data, or a hole that reads as zeros.
public struct Extent: Sendable, Hashable {
  /// First byte.
  public var offset: Int64
  /// Number of bytes, more than 0.
  public var length: Int64
  /// Whether bytes must be read; false reads as zeros.
  public var isData: Bool

  /// An extent; `length` more than 0.
  public init(offset: Int64, length: Int64, isData: Bool) {
    self.offset = offset
    self.length = length
    self.isData = isData
  }

  /// The first byte after it.
  public var end: Int64 { offset + length }
}
