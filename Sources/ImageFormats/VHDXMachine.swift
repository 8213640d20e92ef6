internal import Model

/// Hyper-V's VHDX, little-endian: identifier, table of regions, and the metadata in one of them ([MS-VHDX]; QEMU `block/vhdx.c`; oslo.utils
/// `VHDXInspector`). Each part must lie behind the one that names it, as the specification has it.
struct VHDXMachine: FormatMachine {
  let format = DiskFormat.vhdx
  private let object: String
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  private var stage = Stage.identifier
  /// The region of metadata, and what of it is still to be read, in the order of its place.
  private var region: Range<UInt64> = 0..<0
  private var items: [(item: VHDXItem, range: Range<UInt64>)] = []
  private var known: [VHDXItem: [UInt8]] = [:]
  /// Where the file must not end before.
  private var end: UInt64 = 0

  private enum Stage { case identifier, regions, metadata, items }

  private static let table: Range<Int64> = 192 << 10..<256 << 10
  private static let metadataRegion = guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")
  private static let blockRegion = guid("2DC27766-F623-4200-9D64-115E9BFD4A08")
  /// QEMU's limit, and Hyper-V's.
  private static let largest: UInt64 = 64 << 40

  init(object: String) { self.object = object }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    let asked = window
    window = nil
    if stage == .identifier {
      isPresent = bytes.has("vhdxfile".utf8)
      guard isPresent == true else { return }
      (stage, window) = (.regions, Self.table)
      return
    }
    guard let asked, bytes.count == asked.count else { throw damaged("it ends within its header") }
    switch stage {
    case .identifier: break
    case .regions: try takeRegions(bytes)
    case .metadata: try takeMetadata(bytes)
    case .items: try takeItem(bytes)
    }
  }

  private mutating func takeRegions(_ bytes: [UInt8]) throws(SlipwayError) {
    let count = Int(bytes.little32(8))
    guard bytes.has("regi".utf8), count < 2048 else { throw damaged("it has no table of regions") }
    var found: [[UInt8]: Range<UInt64>] = [:]
    for index in 0..<count {
      let entry = Array(bytes[16 + 32 * index..<48 + 32 * index])
      let (name, offset, length) = (Array(entry[..<16]), entry.little64(16), UInt64(entry.little32(24)))
      guard name == Self.metadataRegion || name == Self.blockRegion else {
        guard entry.little32(28) & 1 == 0 else { throw unknown("region") }
        continue
      }
      guard found[name] == nil else { throw damaged("a region is named twice") }
      guard offset >= 1 << 20, offset < Windows.farthest, length > 0 else { throw damaged("a region lies where none can be") }
      found[name] = offset..<offset + length
      end = max(end, offset + length)
    }
    guard let region = found[Self.metadataRegion], found[Self.blockRegion] != nil else {
      throw damaged("its region of metadata or that of blocks is missing")
    }
    guard region.count > Windows.largest else { throw damaged("its region of metadata is too small") }
    self.region = region
    (stage, window) = (.metadata, Int64(region.lowerBound)..<Int64(region.lowerBound) + Int64(Windows.largest))
  }

  private mutating func takeMetadata(_ bytes: [UInt8]) throws(SlipwayError) {
    let count = Int(bytes.little16(10))
    guard bytes.has("metadata".utf8), count < 2048 else { throw damaged("it has no table of metadata") }
    for index in 0..<count {
      let entry = Array(bytes[32 + 32 * index..<64 + 32 * index])
      let (offset, length) = (UInt64(entry.little32(16)), entry.little32(20))
      guard let item = VHDXItem(Array(entry[..<16])) else {
        // Bit 2: whoever does not know it must not open the file.
        guard entry.little32(24) & 4 == 0 else { throw unknown("metadata item") }
        continue
      }
      guard item != .parentLocator else { throw .hasParent(object, "VHDX") }
      guard !items.contains(where: { $0.item == item }) else { throw damaged("\(item.rawValue) is named twice") }
      guard length == item.length else { throw damaged("\(item.rawValue) has \(length) bytes instead of \(item.length)") }
      let place = region.lowerBound + offset
      guard offset >= Windows.largest, place + UInt64(length) <= region.upperBound else {
        throw damaged("\(item.rawValue) lies outside of the metadata")
      }
      items.append((item, place..<place + UInt64(length)))
    }
    for item in [VHDXItem.fileParameters, .virtualDiskSize, .logicalSectorSize] where !items.contains(where: { $0.item == item }) {
      throw damaged("\(item.rawValue) is missing")
    }
    items.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (one, next) in zip(items, items.dropFirst()) where one.range.upperBound > next.range.lowerBound {
      throw damaged("\(one.item.rawValue) and \(next.item.rawValue) overlap")
    }
    stage = .items
    ask()
  }

  private mutating func ask() {
    window = items.first.map { Int64($0.range.lowerBound)..<Int64($0.range.upperBound) }
  }

  private mutating func takeItem(_ bytes: [UInt8]) throws(SlipwayError) {
    known[items.removeFirst().item] = bytes
    guard items.isEmpty else { return ask() }
    let parameters = known[.fileParameters] ?? []
    let (block, flags) = (parameters.little32(0), parameters.little32(4))
    // Bit 1: has a parent. Bit 0: leave blocks allocated, that is a fixed one.
    guard flags & 2 == 0 else { throw .hasParent(object, "VHDX") }
    guard (1 << 20...256 << 20).contains(block), block.nonzeroBitCount == 1 else {
      throw damaged("blocks of \(block) bytes are not possible")
    }
    let sector = known[.logicalSectorSize]?.little32(0) ?? 0
    guard sector == 512 || sector == 4096 else { throw damaged("sectors of \(sector) bytes are not possible") }
    let size = known[.virtualDiskSize]?.little64(0) ?? 0
    guard size > 0, size <= Self.largest, size % UInt64(sector) == 0 else {
      throw damaged("the virtual size of \(size) bytes is not possible")
    }
    traits = FormatTraits(virtualSize: Int64(size), subformat: flags & 1 == 1 ? "fixed" : "dynamic")
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    guard isPresent == true else { return }
    guard traits.virtualSize != nil else { throw damaged("it ends within its header") }
    guard Int64(end) <= size else { throw damaged("its \(size) bytes end before its regions do") }
  }

  private func unknown(_ what: String) -> SlipwayError {
    .formatRefused(
      object, "is a VHDX with a \(what) that is required and not known", hint: "convert it with qemu-img convert and upload it again")
  }

  private func damaged(_ reason: String) -> SlipwayError { .damaged(object, "VHDX", reason) }
}

/// The items of metadata that [MS-VHDX] knows.
enum VHDXItem: String, Sendable, Hashable, CaseIterable {
  case fileParameters = "the file's parameters"
  case virtualDiskSize = "the virtual size"
  case virtualDiskID = "the disk's id"
  case logicalSectorSize = "the logical sector size"
  case physicalSectorSize = "the physical sector size"
  case parentLocator = "the parent's place"

  /// The bytes that it must have.
  var length: UInt32 {
    switch self {
    case .fileParameters, .virtualDiskSize: 8
    case .virtualDiskID: 16
    case .logicalSectorSize, .physicalSectorSize: 4
    case .parentLocator: 0
    }
  }

  private static let names: [[UInt8]: VHDXItem] = [
    guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B"): .fileParameters, guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8"): .virtualDiskSize,
    guid("BECA12AB-B2E6-4523-93EF-C309E000C746"): .virtualDiskID, guid("8141BF1D-A96F-4709-BA47-F233A8FAAB5F"): .logicalSectorSize,
    guid("CDA348C7-445D-4471-9CC9-E9885251C556"): .physicalSectorSize, guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"): .parentLocator,
  ]

  init?(_ name: [UInt8]) {
    guard let item = Self.names[name] else { return nil }
    self = item
  }
}
