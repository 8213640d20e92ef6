public import Model

/// Lays out a new qcow2 (version 3, 16-bit refcounts) while its data streams: says where each run of guest data goes, and what the tables are.
///
/// The file starts empty; what is never written reads as zeros. Runs may be placed in any order between two calls of `completed`. Memory is one
/// L2 table (64 KiB by default, for 512 MiB of guest) for each such range that is begun and not completed, and the L1 table.
///
/// Clusters are given out one after the other and never taken back, so every refcount is 1.
public struct Qcow2Layout: Sendable {
  /// The header, complete once the layout is finished.
  public private(set) var header: Qcow2Header
  /// The end of what was given out so far; after `finish` the size of the file, a multiple of the cluster size.
  public private(set) var fileSize: Int64

  private var tables: [Int: [UInt8]] = [:]
  private var l1Pages: [Int: [UInt8]] = [:]
  private var firstOpenTable = 0
  private var finished = false

  /// A layout for `virtualSize` bytes, rounded up to whole sectors of 512 bytes as QEMU does, in clusters of `1 << clusterBits` (9 to 21)
  /// bytes. Throws `formatRefused` for a size that needs an L1 table of more than 32 MiB (2 PiB with 64 KiB clusters).
  public init(virtualSize: Int64, clusterBits: Int = 16) throws(SlipwayError) {
    guard virtualSize >= 0, (9...21).contains(clusterBits) else {
      throw SlipwayError(.internalError, "a qcow2 of \(virtualSize) bytes in clusters of 2^\(clusterBits) is not possible")
    }
    header = Qcow2Header()
    header.clusterBits = clusterBits
    guard virtualSize <= 1 << 62, virtualSize <= header.l2Coverage * Int64(Qcow2Header.maximumL1Bytes / 8) else {
      throw SlipwayError(.formatRefused, "a size of \(virtualSize) bytes is more than a qcow2 can have", hint: "use raw")
    }
    header.virtualSize = roundUp(virtualSize, to: 512)
    // One entry at least, so that an empty image has the table that its header speaks of.
    header.l1Entries = max(1, Int(roundUp(header.virtualSize, to: header.l2Coverage) / header.l2Coverage))
    header.l1Offset = header.clusterSize
    fileSize = header.l1Offset + roundUp(Int64(header.l1Entries) * 8, to: header.clusterSize)
  }

  /// Bytes in a cluster: the granularity of `place`.
  public var clusterSize: Int64 { header.clusterSize }

  /// Gives `length` bytes (more than 0) of guest data at `guestOffset` a place in the file: the offset of a contiguous run of whole clusters.
  ///
  /// `guestOffset` is a multiple of the cluster size, and so is the length unless the run ends at the virtual size; the caller writes zeros to the end
  /// of that last cluster. Throws `internalError` for anything else, for guest bytes that have a place or are below `completed`, and after `finish`.
  public mutating func place(guestOffset: Int64, length: Int) throws(SlipwayError) -> Int64 {
    let size = header.clusterSize
    let end = guestOffset.addingReportingOverflow(Int64(length))
    guard !finished, length > 0, guestOffset >= 0, guestOffset % size == 0, !end.overflow, end.partialValue <= header.virtualSize,
      Int64(length) % size == 0 || roundUp(end.partialValue, to: 512) == header.virtualSize
    else { throw misuse("\(length) bytes at \(guestOffset) cannot be placed") }
    let clusters = roundUp(Int64(length), to: size) / size
    let segments = tableSegments(guestOffset / size, clusters)
    guard segments.allSatisfy({ $0.table >= firstOpenTable }) else { throw misuse("\(guestOffset) is in a range that is completed") }
    // All are looked at before any is changed.
    guard segments.allSatisfy({ isFree($0) }) else { throw misuse("a part of \(length) bytes at \(guestOffset) is placed twice") }
    let start = fileSize
    var host = UInt64(start)
    for segment in segments {
      tables[segment.table, default: [UInt8](repeating: 0, count: Int(size))].withUnsafeMutableBytes { table in
        for index in segment.entries {
          table.storeBytes(of: (host | Qcow2Layout.copied).bigEndian, toByteOffset: index * 8, as: UInt64.self)
          host += UInt64(size)
        }
      }
    }
    fileSize += clusters * size
    return start
  }

  /// Everything below `guestOffset` is placed or a hole for good: the L2 tables that are complete now, to be written at any time, and out of memory.
  public mutating func completed(upTo guestOffset: Int64) -> [MetadataWrite] {
    guard !finished else { return [] }
    let end = guestOffset >= header.virtualSize ? header.l1Entries : Int(max(0, guestOffset) / header.l2Coverage)
    guard end > firstOpenTable else { return [] }
    firstOpenTable = end
    var writes: [MetadataWrite] = []
    for index in tables.keys.filter({ $0 < end }).sorted() {
      if let write = closeTable(index) { writes.append(write) }
    }
    return writes
  }

  /// Everything is placed: what remains to be written, made as it is asked for, the header last. The file's size is `fileSize` from here on.
  /// Throws `internalError` when called twice.
  public mutating func finish() throws(SlipwayError) -> Qcow2Metadata {
    guard !finished else { throw misuse("the layout is finished already") }
    let remaining = completed(upTo: header.virtualSize)
    finished = true
    let l1 = l1Pages.keys.sorted().compactMap { page in
      l1Pages[page].map { MetadataWrite(offset: header.l1Offset + Int64(page) * header.clusterSize, bytes: $0) }
    }
    l1Pages = [:]
    let metadata = Qcow2Metadata(tables: remaining + l1, usedClusters: fileSize / header.clusterSize, header: header)
    header = metadata.header
    fileSize = metadata.fileSize
    return metadata
  }

  /// Refcount 1: a writer may change the cluster in place.
  private static let copied: UInt64 = 1 << 63

  /// `count` clusters from `first`, cut at the borders of L2 tables.
  private func tableSegments(_ first: Int64, _ count: Int64) -> [(table: Int, entries: Range<Int>)] {
    var segments: [(table: Int, entries: Range<Int>)] = []
    var cluster = first
    while cluster < first + count {
      let (table, index) = cluster.quotientAndRemainder(dividingBy: header.l2Entries)
      let end = min(header.l2Entries, index + first + count - cluster)
      segments.append((Int(table), Int(index)..<Int(end)))
      cluster += end - index
    }
    return segments
  }

  private func isFree(_ segment: (table: Int, entries: Range<Int>)) -> Bool {
    guard let table = tables[segment.table] else { return true }
    return table.withUnsafeBytes { bytes in
      bytes[segment.entries.lowerBound * 8..<segment.entries.upperBound * 8].allSatisfy { $0 == 0 }
    }
  }

  private mutating func closeTable(_ index: Int) -> MetadataWrite? {
    guard let bytes = tables.removeValue(forKey: index) else { return nil }
    let offset = fileSize
    fileSize += header.clusterSize
    let (page, entry) = index.quotientAndRemainder(dividingBy: Int(header.clusterSize / 8))
    l1Pages[page, default: [UInt8](repeating: 0, count: Int(header.clusterSize))]
      .storeBigEndian(UInt64(offset) | Qcow2Layout.copied, at: entry * 8)
    return MetadataWrite(offset: offset, bytes: bytes)
  }

  private func misuse(_ what: String) -> SlipwayError { SlipwayError(.internalError, "qcow2 layout: \(what)") }
}
