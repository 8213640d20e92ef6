/// The binary header of a VMDK, or its footer: the fields of the first 79 of 512 bytes, little-endian.
struct VMDKHeader: Sendable {
  let version: UInt32
  let flags: UInt32
  /// Sectors of the disk.
  let capacity: UInt64
  /// Sectors of a grain.
  let grain: UInt64
  let descriptorSector: UInt64
  let descriptorSectors: UInt64
  /// Entries of a grain table.
  let tableEntries: UInt32
  /// Sector of the grain directory.
  let directory: UInt64
  /// Sectors before the first grain.
  let overhead: UInt64

  /// Whether the directory's place stands in a footer.
  var hasFooter: Bool { directory == .max }

  /// Nil for anything but 512 bytes with the magic.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == 512, bytes.has("KDMV".utf8) else { return nil }
    version = bytes.little32(4)
    flags = bytes.little32(8)
    capacity = bytes.little64(12)
    grain = bytes.little64(20)
    descriptorSector = bytes.little64(28)
    descriptorSectors = bytes.little64(36)
    tableEntries = bytes.little32(44)
    directory = bytes.little64(56)
    overhead = bytes.little64(64)
  }

  /// Whether a footer says what its header says, the directory's place aside.
  func describes(the header: VMDKHeader) -> Bool {
    version == header.version && flags == header.flags && capacity == header.capacity && grain == header.grain
      && descriptorSector == header.descriptorSector && descriptorSectors == header.descriptorSectors && tableEntries == header.tableEntries
  }
}
