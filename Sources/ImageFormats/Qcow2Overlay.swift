public import Model

/// An empty qcow2 (version 3, 64 KiB clusters) that grows from a backing file: a disk at the moment of its birth.
public struct Qcow2Overlay: Sendable, Hashable {
  /// What to write, the header last; all else in the file is zeros.
  public let writes: [MetadataWrite]
  /// The length to set the file to, in bytes.
  public let fileSize: Int64

  /// An overlay of `virtualSize` bytes (rounded up to whole sectors of 512 bytes) on the file at `backingPath`, which is opened as `backingFormat`
  /// and never probed.
  ///
  /// Throws `formatRefused` when the path is not absolute, has a NUL or more than 1023 bytes, and when the size needs an L1 table of more than 32 MiB.
  public init(virtualSize: Int64, backingPath: String, backingFormat: ImageFormat) throws(SlipwayError) {
    let path = Array(backingPath.utf8)
    guard path.first == UInt8(ascii: "/"), !path.contains(0) else {
      throw .formatRefused(backingPath, "cannot be a backing file: the path is not absolute")
    }
    guard path.count <= Qcow2Header.maximumBackingLength else {
      throw .formatRefused(
        backingPath, "cannot be a backing file: the path has \(path.count) bytes and a qcow2 holds \(Qcow2Header.maximumBackingLength)",
        hint: "keep the store under a shorter path")
    }
    // The same size rules and rounding as for a whole image.
    var header = try Qcow2Layout(virtualSize: virtualSize).header
    let size = header.clusterSize
    header.refcountTableOffset = size
    header.refcountTableClusters = 1
    header.l1Offset = 3 * size
    let clusters = 3 + roundUp(Int64(header.l1Entries) * 8, to: size) / size
    fileSize = clusters * size

    var extensions: [UInt8] = []
    extensions.appendBigEndian(Qcow2Header.ExtensionType.backingFormat)
    extensions.appendBigEndian(UInt32(backingFormat.rawValue.utf8.count))
    extensions += Array(backingFormat.rawValue.utf8)
    extensions += [UInt8](repeating: 0, count: roundUp(extensions.count, to: 8) - extensions.count)
    extensions += [UInt8](repeating: 0, count: 8)
    header.backingOffset = Int64(header.headerLength + extensions.count)
    header.backingLength = path.count

    var table: [UInt8] = []
    table.appendBigEndian(2 * size)
    var block: [UInt8] = []
    for _ in 0..<clusters { block += [0, 1] }
    writes = [
      MetadataWrite(offset: size, bytes: table),
      MetadataWrite(offset: 2 * size, bytes: block),
      MetadataWrite(offset: 0, bytes: header.serialized() + extensions + path),
    ]
  }
}
