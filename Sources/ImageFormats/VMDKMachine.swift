internal import Model

/// VMware's VMDK with its binary header, little-endian: header, descriptor, and where the table of data lies behind it all, the footer that says so
/// (VMware's Virtual Disk Format 5.0; QEMU `block/vmdk.c`; oslo.utils `VMDKInspector`; cases H7 to H12 and H18).
struct VMDKMachine: FormatMachine {
  let format = DiskFormat.vmdk
  private let object: String
  private let policy: InspectionPolicy
  private(set) var window: Range<Int64>? = Windows.sector
  private(set) var isPresent: Bool?
  private(set) var traits = FormatTraits()
  private var header: VMDKHeader?
  private var descriptor = VMDKDescriptor()
  /// Where the descriptor may end at the latest.
  private var limit: Int64 = 0
  /// The first text of what may be a descriptor alone.
  private var text: [UInt8] = []

  /// QEMU reads no more of a descriptor.
  private static let largestDescriptor: UInt64 = 1 << 20

  init(object: String, policy: InspectionPolicy) {
    self.object = object
    self.policy = policy
  }

  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) {
    let asked = window ?? 0..<0
    window = nil
    if header != nil { return try takeDescriptor(bytes, asked) }
    if !text.isEmpty { return try takeText(bytes, isWhole: true) }
    if bytes.has("KDMV".utf8) {
      isPresent = true
      try takeHeader(bytes)
    } else if bytes.has("COWD".utf8) || bytes.has("# Disk DescriptorFile".utf8) {
      isPresent = true
      throw withoutHeader()
    } else {
      try takeText(bytes, isWhole: bytes.count < 512)
    }
  }

  private mutating func takeHeader(_ bytes: [UInt8]) throws(SlipwayError) {
    guard let header = VMDKHeader(bytes) else { throw damaged("it ends within its header") }
    guard (1...3).contains(header.version) else {
      throw .formatRefused(
        object, "is a VMDK of version \(header.version), and only 1 to 3 are known", hint: "convert it with qemu-img convert")
    }
    guard header.capacity > 0, header.capacity <= Windows.farthest / 512 else {
      throw damaged("\(header.capacity) sectors are no possible size")
    }
    traits.virtualSize = Int64(header.capacity * 512)
    guard header.descriptorSector == 1, header.descriptorSectors > 0 else {
      throw damaged("its descriptor does not lie behind its header")
    }
    guard header.grain > 0, header.grain <= 1 << 20, (1...512).contains(header.tableEntries) else {
      throw damaged("grains of \(header.grain) sectors, \(header.tableEntries) to a table, are not possible")
    }
    self.header = header
    limit = 512 + Int64(min(header.descriptorSectors, Self.largestDescriptor / 512) * 512)
    window = 512..<min(limit, 512 + Int64(Windows.largest))
  }

  private mutating func takeDescriptor(_ bytes: [UInt8], _ asked: Range<Int64>) throws(SlipwayError) {
    descriptor.take(bytes)
    if descriptor.problem == nil, !descriptor.hasEnded {
      guard bytes.count == asked.count else { throw damaged("it ends within its descriptor") }
      if asked.upperBound < limit {
        window = asked.upperBound..<min(limit, asked.upperBound + Int64(Windows.largest))
        return
      }
    }
    descriptor.finish()
    switch descriptor.problem {
    case .parent: throw .hasParent(object, "VMDK")
    case .refused(let reason):
      throw .formatRefused(object, "is a VMDK that \(reason)", hint: "make it one file: qemu-img convert -O vmdk, and upload that")
    case .damaged(let reason): throw damaged(reason)
    case nil: break
    }
    let type = descriptor.type ?? ""
    traits.subformat = Self.names[type] ?? VMDKDescriptor.shown(type)
    guard policy.allows(vmdkSubformat: type) else {
      throw .formatRefused(
        object, "is a VMDK of the subformat '\(traits.subformat ?? "")', which the policy does not allow",
        hint: "convert it to one of \(policy.vmdkSubformats.sorted().joined(separator: ", "))")
    }
  }

  /// Text that says `createType` is a descriptor alone: it names other files, so that it is never anything else.
  private mutating func takeText(_ bytes: [UInt8], isWhole: Bool) throws(SlipwayError) {
    let head = text + bytes
    text = []
    if head.withUnsafeBytes(ContentText.isDescriptor) {
      isPresent = true
      throw withoutHeader()
    }
    guard !isWhole, ContentText.isText(head) else { return isPresent = false }
    text = head
    window = 512..<Int64(Windows.largest)
  }

  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError) {
    guard let header else { return }
    guard limit <= size else { throw damaged("it ends within its descriptor") }
    let footer = try header.hasFooter ? self.footer(header, size, tail) : header
    guard footer.directory > 0, max(footer.directory, footer.overhead) <= UInt64(size) / 512 else {
      throw damaged("its \(size) bytes end before its metadata does")
    }
  }

  /// The second header, which counts where there is one, between its own marker and that of the end. (Case H12.)
  private func footer(_ header: VMDKHeader, _ size: Int64, _ tail: [UInt8]) throws(SlipwayError) -> VMDKHeader {
    let wrong: String
    if size < 4 * 512 || tail.count < Windows.tail {
      wrong = "it ends before its footer"
    } else if tail.little32(8) != 0 || tail.little32(12) != 3 || !tail.isZero(16..<512) {
      wrong = "the marker before its footer is not one"
    } else if !tail.isZero(1024..<1536) {
      wrong = "the marker of its end is not one"
    } else if let footer = VMDKHeader(Array(tail[512..<1024])) {
      guard footer.hasFooter || !footer.describes(the: header) else { return footer }
      wrong = footer.hasFooter ? "its footer speaks of another footer" : "its header and its footer contradict each other"
    } else {
      wrong = "its footer is missing"
    }
    throw damaged(wrong)
  }

  private func withoutHeader() -> SlipwayError {
    .formatRefused(
      object, "is a VMDK without its binary header: its data lies in other files",
      hint: "make it one file: qemu-img convert -O vmdk, and upload that")
  }

  private func damaged(_ reason: String) -> SlipwayError { .damaged(object, "VMDK", reason) }

  /// VMware's spelling.
  private static let names = Dictionary(
    uniqueKeysWithValues: [
      "monolithicSparse", "monolithicFlat", "streamOptimized", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "vmfs", "vmfsSparse",
      "seSparse",
      "fullDevice", "partitionedDevice", "custom",
    ].map { ($0.lowercased(), $0) })
}
