public import Model
public import Runtime
public import Transfer

/// The first bytes of a source: an image in a volume, which is rounded up to whole GiB.
public struct PrefixSource: RandomAccessSource {
  /// How many of them, in bytes.
  public let size: Int64
  private let source: any RandomAccessSource

  /// The first `size` bytes of `source`, which has at least as many.
  public init(_ source: any RandomAccessSource, size: Int64) {
    self.source = source
    self.size = min(size, source.size)
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] { try await source.extents(from: offset, to: end) }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try await source.read(at: offset, length: length, into: buffer)
  }
}
