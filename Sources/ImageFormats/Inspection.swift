/// What an image was found to be.
public struct Inspection: Sendable, Hashable {
  /// The format that was claimed and found.
  public let format: ImageFormat
  /// The size that a guest sees, in bytes: the stored size of raw, what the header says of qcow2 (whole sectors of 512 bytes).
  public let virtualSize: Int64
  /// The number of stored bytes that were seen.
  public let storedSize: Int64
  /// The header of a qcow2, nil for raw.
  public let header: Qcow2Header?

  /// What was found; `header` for a qcow2 only.
  public init(format: ImageFormat, virtualSize: Int64, storedSize: Int64, header: Qcow2Header? = nil) {
    self.format = format
    self.virtualSize = virtualSize
    self.storedSize = storedSize
    self.header = header
  }
}
