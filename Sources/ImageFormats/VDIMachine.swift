internal import Model

/// VirtualBox's VDI, version 1.1: the header in the first sector, little-endian (QEMU `block/vdi.c`; oslo.utils `VDIInspector`).
struct VDIMachine: FormatMachine {
  let format = DiskFormat.vdi
  private let object: String
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  /// Where the file must not end before.
  private var end: UInt64 = 0

  init(object: String) { self.object = object }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    window = nil
    isPresent = bytes.has([0x7F, 0x10, 0xDA, 0xBE], at: 0x40)
    guard isPresent == true else { return }
    guard bytes.count == 512 else { throw damaged("it ends within its header") }
    let version = bytes.little32(0x44)
    guard version == 0x0001_0001 else {
      throw .formatRefused(
        object, "is a VDI of version \(version >> 16).\(version & 0xFFFF), and only 1.1 is known",
        hint: "convert it with VBoxManage clonemedium or qemu-img convert")
    }
    let type = bytes.little32(0x4C)
    // The uuids of what a difference or a snapshot was made from.
    guard type != 4, bytes.isZero(0x1A8..<0x1C8) else { throw .hasParent(object, "VDI") }
    guard type == 1 || type == 2 else { throw damaged("the image type \(type) is not known") }
    let (size, blockSize, blocks) = (bytes.little64(0x170), UInt64(bytes.little32(0x178)), UInt64(bytes.little32(0x180)))
    guard bytes.little32(0x168) == 512 else { throw damaged("its sectors are \(bytes.little32(0x168)) bytes") }
    guard size <= Windows.farthest else { throw damaged("the virtual size of \(size) bytes is more than 2^62") }
    // QEMU counts whole sectors, upwards.
    let rounded = (size + 511) & ~511
    traits = FormatTraits(virtualSize: Int64(rounded), subformat: type == 1 ? "dynamic" : "fixed")
    guard blocks * blockSize >= rounded else { throw damaged("its \(blocks) blocks are fewer than its size needs") }
    let (map, data, allocated) = (UInt64(bytes.little32(0x154)), UInt64(bytes.little32(0x158)), UInt64(bytes.little32(0x184)))
    guard map >= 512, map % 512 == 0, data % 512 == 0, data >= map else {
      throw damaged("its block map or data does not lie behind the header")
    }
    guard allocated <= blocks else { throw damaged("more blocks are allocated than there are") }
    // Blocks are 1 MiB with every writer but a few; below 2^32 each, so that nothing here overflows.
    end = max(map + blocks * 4, data + allocated * blockSize)
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    guard end <= Windows.farthest, Int64(end) <= size else { throw damaged("its \(size) bytes end before its blocks do") }
  }

  private func damaged(_ reason: String) -> SlipwayError { .damaged(object, "VDI", reason) }
}
