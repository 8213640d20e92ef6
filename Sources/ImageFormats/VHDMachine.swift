internal import Model

/// Virtual PC's VHD, big-endian: dynamic ones begin with a copy of their footer, fixed ones have nothing but a footer behind their sectors
/// (Microsoft's VHD specification 1.0; QEMU `block/vpc.c`; oslo.utils `VHDInspector`, which takes fixed ones for raw).
struct VHDMachine: FormatMachine {
  let format = DiskFormat.vhd
  private let object: String
  /// Whether the image is said to be a VHD: then a footer that is damaged is a damaged VHD, and else just the end of some sectors.
  private let isClaimed: Bool
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  /// The copy of the footer at the start of a dynamic one.
  private var copy: VHDFooter?
  /// Where the table of blocks ends.
  private var end: Int64 = 0

  private static let cookie = Array("conectix".utf8)

  init(object: String, isClaimed: Bool) {
    self.object = object
    self.isClaimed = isClaimed
  }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    window = nil
    if let copy { return try takeHeader(bytes, copy) }
    // The end alone can tell that there is none.
    guard bytes.has(Self.cookie) else { return }
    isPresent = true
    guard let footer = VHDFooter(bytes) else { throw damaged("it ends within its header") }
    traits = FormatTraits(virtualSize: try size(footer), subformat: "dynamic")
    guard footer.type != 4 else { throw .hasParent(object, "VHD") }
    guard footer.type == 3 else { throw damaged("the disk type \(footer.type) in its first sector is not possible") }
    guard footer.dataOffset >= 512, footer.dataOffset < Windows.farthest else {
      throw damaged("its header does not lie behind its first sector")
    }
    copy = footer
    window = Int64(footer.dataOffset)..<Int64(footer.dataOffset) + 1024
  }

  /// The dynamic disk header.
  private mutating func takeHeader(_ bytes: [UInt8], _ footer: VHDFooter) throws(SlipwayError) {
    guard bytes.count == 1024, bytes.has("cxsparse".utf8) else { throw damaged("its dynamic disk header is missing") }
    let (table, entries, block) = (bytes.big64(16), UInt64(bytes.big32(28)), UInt64(bytes.big32(32)))
    guard block >= 512, block.nonzeroBitCount == 1 else { throw damaged("blocks of \(block) bytes are not possible") }
    guard entries * block >= UInt64(traits.virtualSize ?? 0) else { throw damaged("its \(entries) blocks are fewer than its size needs") }
    guard table >= 512, table < Windows.farthest else { throw damaged("its table of blocks lies beyond any file's end") }
    end = Int64(table + entries * 4)
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    let footer = VHDFooter(Array(tail.suffix(512)))
    guard let copy else { return try finishFixed(size, footer) }
    guard end <= size else { throw damaged("its \(size) bytes end before its table of blocks does") }
    guard let footer, size > 512 else { throw damaged("it has no footer at its end") }
    // Some readers believe the footer, others its copy.
    guard footer.says(the: copy) else { throw damaged("its footer and the copy at its start contradict each other") }
  }

  private mutating func finishFixed(_ stored: Int64, _ footer: VHDFooter?) throws(SlipwayError) {
    let isTrue = footer.map { $0.isWhole && $0.currentSize == UInt64(max(0, stored - 512)) } ?? false
    guard let footer, footer.type == 2, isTrue || isClaimed else {
      isPresent = false
      return
    }
    isPresent = true
    traits = FormatTraits(virtualSize: try size(footer), subformat: "fixed")
    guard footer.isWhole else { throw damaged("its footer has a wrong checksum") }
    guard isTrue else {
      throw damaged("its footer says \(footer.currentSize) bytes, and \(stored - 512) lie before it")
    }
  }

  private func size(_ footer: VHDFooter) throws(SlipwayError) -> Int64 {
    guard footer.currentSize <= Windows.farthest, footer.originalSize <= Windows.farthest else {
      throw damaged("the virtual size of \(footer.currentSize) bytes is more than 2^62")
    }
    return Int64(footer.visibleSize)
  }

  private func damaged(_ reason: String) -> SlipwayError { .damaged(object, "VHD", reason) }
}
