/// The footer of a VHD, or its copy at the start: 512 bytes, big-endian.
struct VHDFooter: Sendable {
  /// Where the dynamic disk header lies.
  let dataOffset: UInt64
  let originalSize: UInt64
  let currentSize: UInt64
  /// 2 fixed, 3 dynamic, 4 differencing.
  let type: UInt32
  /// The size that QEMU shows a guest.
  let visibleSize: UInt64
  /// Whether the checksum is right.
  let isWhole: Bool

  /// Nil for anything but 512 bytes with the cookie.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == 512, bytes.has("conectix".utf8) else { return nil }
    dataOffset = bytes.big64(16)
    originalSize = bytes.big64(40)
    currentSize = bytes.big64(48)
    type = bytes.big32(60)
    visibleSize = Self.visible(bytes, currentSize)
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() where !(64..<68).contains(index) { sum &+= UInt32(byte) }
    isWhole = ~sum == bytes.big32(64)
  }

  /// Whether the two describe one disk.
  func says(the other: VHDFooter) -> Bool {
    dataOffset == other.dataOffset && currentSize == other.currentSize && type == other.type && visibleSize == other.visibleSize
  }

  /// Whoever made the file decides whether the geometry counts or the size: Virtual PC counts cylinders, Hyper-V does not. (QEMU `vpc_open`.)
  private static func visible(_ bytes: [UInt8], _ current: UInt64) -> UInt64 {
    let sectors = UInt64(bytes.big16(56)) * UInt64(bytes[58]) * UInt64(bytes[59])
    let countsBytes = ["win ", "qem2", "d2v ", "CTXS", "tap\0"].contains { bytes.has($0.utf8, at: 28) }
    // The largest geometry says only that it is too small.
    return countsBytes || sectors == 65535 * 16 * 255 ? current & ~511 : sectors * 512
  }
}
