public import Model

/// A run of guest bytes of a qcow2 and what stands behind it.
public struct GuestExtent: Sendable, Hashable {
  /// What stands behind a run.
  public enum Kind: Sendable, Hashable {
    /// Not allocated: reads as zeros.
    case hole
    /// Marked as zeros.
    case zero
    /// Stored as it is, contiguously from `hostOffset`.
    case data(hostOffset: Int64)
    /// Stored in compressed clusters: `Qcow2Reader.read` gives the bytes.
    case compressed
  }

  /// First guest byte.
  public var offset: Int64
  /// Number of bytes, more than 0.
  public var length: Int64
  /// What stands behind them.
  public var kind: Kind

  /// A run; `length` more than 0.
  public init(offset: Int64, length: Int64, kind: Kind) {
    self.offset = offset
    self.length = length
    self.kind = kind
  }

  /// The first guest byte after it.
  public var end: Int64 { offset + length }

  /// Whether bytes must be read.
  public var isData: Bool {
    switch kind {
    case .hole, .zero: false
    case .data, .compressed: true
    }
  }

  /// The run without its whereabouts.
  public var extent: Extent { Extent(offset: offset, length: length, isData: isData) }
}
