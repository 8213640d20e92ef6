internal import Model

/// An L2 entry, decoded and checked (specification, "L2 table entry").
enum ClusterMapping {
  case hole
  case zero
  /// Where the cluster lies; it begins within the file and may end beyond it.
  case data(Int64)
  /// Where the compressed bytes lie, all within the file.
  case compressed(offset: Int64, length: Int)

  /// Bits 9 to 55: an offset.
  static let offsetMask: UInt64 = 0x00FF_FFFF_FFFF_FE00
  private static let l1Reserved: UInt64 = 0x7F00_0000_0000_01FF
  private static let l2Reserved: UInt64 = 0x3F00_0000_0000_01FE
  private static let zeroFlag: UInt64 = 1
  private static let compressedFlag: UInt64 = 1 << 62

  /// The offset of the L2 table behind an L1 entry, nil for none. Throws `formatRefused` unless the table lies in the file.
  static func l2Offset(_ entry: UInt64, header: Qcow2Header, fileSize: Int64, object: String) throws(SlipwayError) -> Int64? {
    guard entry & l1Reserved == 0 else { throw .damaged(object, "an L1 entry has reserved bits set") }
    let offset = Int64(entry & offsetMask)
    if offset == 0 { return nil }
    guard offset % header.clusterSize == 0, offset <= fileSize - header.clusterSize else {
      throw .damaged(object, "an L2 table lies outside the file")
    }
    return offset
  }

  /// What an L2 entry says. Throws `formatRefused` unless it makes sense in a file of `fileSize` bytes.
  init(_ entry: UInt64, header: Qcow2Header, fileSize: Int64, object: String) throws(SlipwayError) {
    if entry == 0 {
      self = .hole
    } else if entry & ClusterMapping.compressedFlag != 0 {
      // The offset's width depends on the cluster size; the rest counts sectors of 512 bytes, the one that the offset is in not included.
      let width = UInt64(62 - (header.clusterBits - 8))
      let offset = Int64(entry & ((1 << width) - 1))
      let sectors = Int64((entry & (ClusterMapping.compressedFlag - 1)) >> width)
      guard offset > 0, offset < fileSize else { throw .damaged(object, "a compressed cluster lies outside the file") }
      // The last sector need not be there in full.
      let length = min((sectors + 1) * 512 - offset % 512, fileSize - offset)
      self = .compressed(offset: offset, length: Int(length))
    } else {
      let reserved = header.version == 2 ? ClusterMapping.l2Reserved | ClusterMapping.zeroFlag : ClusterMapping.l2Reserved
      guard entry & reserved == 0 else { throw .damaged(object, "an L2 entry has reserved bits set") }
      let offset = Int64(entry & ClusterMapping.offsetMask)
      guard offset % header.clusterSize == 0, offset < fileSize else { throw .damaged(object, "a cluster lies outside the file") }
      if entry & ClusterMapping.zeroFlag != 0 {
        self = .zero
      } else {
        self = offset == 0 ? .hole : .data(offset)
      }
    }
  }
}
