/// Bytes of a file's metadata and where they go.
public struct MetadataWrite: Sendable, Hashable {
  /// Offset in the file.
  public let offset: Int64
  /// The bytes, at least one.
  public let bytes: [UInt8]

  /// `bytes` at `offset`.
  public init(offset: Int64, bytes: [UInt8]) {
    self.offset = offset
    self.bytes = bytes
  }
}
