public import Model

/// How a qcow2 becomes larger in place: the L1 table grows into the rest of its own cluster, which nothing refers to, and then the header tells the new
/// size, in one sector. With 64 KiB clusters the first cluster of the table reaches 4 TiB. A crash leaves the old size or the new one.
public struct Qcow2Growth: Sendable, Hashable {
  /// Zeros to write and sync first: entries that become part of the table. Empty where the table need not grow.
  public let entries: MetadataWrite?
  /// The header's fields, to write last.
  public let header: MetadataWrite
  /// The new size that a guest sees, in bytes.
  public let virtualSize: Int64

  /// The growth of the image whose first bytes `head` are to `size` bytes (rounded up to whole sectors of 512 bytes).
  ///
  /// Throws `size_too_small` for less than it has, `formatRefused` for an image that only QEMU should change (internal snapshots, bitmaps, encryption,
  /// an external data file, one that was not closed or is damaged), and where the table would have to move.
  public init(head: [UInt8], to size: Int64, object: String) throws(SlipwayError) {
    let header = try Qcow2Header(parsing: head, object: object)
    guard size <= 1 << 62 else { throw .formatRefused(object, "cannot have \(size) bytes") }
    let size = (size + 511) & ~511
    guard size >= header.virtualSize else {
      throw SlipwayError(.sizeTooSmall, "\(object) has \(header.virtualSize) bytes and is not made smaller", object: object)
    }
    let hint = "grow it with 'qemu-img resize' while no machine uses it, or while it runs with libvirt told"
    func refuse(_ reason: String) -> SlipwayError { .formatRefused(object, "cannot be grown here: \(reason)", hint: hint) }
    guard header.snapshotCount == 0 else { throw refuse("it has internal snapshots") }
    guard header.cryptMethod == 0 else { throw refuse("it is encrypted") }
    guard header.incompatible.isSubset(of: [.compression, .extendedL2]) else {
      throw refuse("it was not closed properly, is damaged, or has features that only QEMU knows")
    }
    guard header.autoclear == 0 else { throw refuse("it has bitmaps, or features that only QEMU knows") }
    let needed = (size + header.l2Coverage - 1) / header.l2Coverage
    let known = Int64(header.l1Entries)
    let room = (known * 8 + header.clusterSize - 1) / header.clusterSize * header.clusterSize
    guard needed * 8 <= room, needed * 8 <= Int64(Qcow2Header.maximumL1Bytes) else {
      throw refuse("its L1 table would have to move")
    }
    let entries = max(needed, known)
    self.entries =
      entries > known
      ? MetadataWrite(offset: header.l1Offset + known * 8, bytes: [UInt8](repeating: 0, count: Int((entries - known) * 8))) : nil
    var bytes: [UInt8] = []
    bytes.appendBigEndian(size)
    bytes.appendBigEndian(header.cryptMethod)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: entries))
    // Bytes 24 to 39: size, crypt_method, l1_size.
    self.header = MetadataWrite(offset: 24, bytes: bytes)
    virtualSize = size
  }
}
