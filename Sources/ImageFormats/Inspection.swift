public import Model

/// What an image was found to be.
public struct Inspection: Sendable, Hashable {
  /// How raw bytes, or those of an ISO, are divided.
  public enum PartitionTable: String, Sendable, Hashable, Codable {
    case mbr, gpt
  }

  /// The format that was found, and claimed if one was.
  public var format: DiskFormat
  /// Which kind of that format: `v3` (qcow2), `streamOptimized` (VMDK), `fixed` or `dynamic` (VHD, VHDX, VDI), `iso9660` or `udf`, `v1` or `v2`
  /// (LUKS); nil for raw.
  public var subformat: String?
  /// The table of partitions in the first sector of raw bytes or of an ISO; nil for none.
  public var partitions: PartitionTable?
  /// The size that a guest sees, in bytes, as QEMU counts it: the stored size of plain sectors, what the header says of all others.
  public var virtualSize: Int64
  /// The number of stored bytes that were seen.
  public var storedSize: Int64
  /// The header of a qcow2, nil for all others.
  public var header: Qcow2Header?

  /// What was found; `header` for a qcow2 only.
  public init(
    format: DiskFormat, subformat: String? = nil, partitions: PartitionTable? = nil, virtualSize: Int64, storedSize: Int64,
    header: Qcow2Header? = nil
  ) {
    self.format = format
    self.subformat = subformat
    self.partitions = partitions
    self.virtualSize = virtualSize
    self.storedSize = storedSize
    self.header = header
  }
}
