internal import Model

/// Reads the active layer of a qcow2 over a positional read; snapshots and refcounts are not looked at.
///
/// Any number of threads may use it at once. What it holds in memory does not depend on the image: 16 slices of tables (512 KiB), and
/// during a read of compressed clusters at most three of their size. Every table entry is checked before it is followed.
public struct Qcow2Reader: Sendable {
  /// Fills the whole buffer with the file's bytes from an offset, or throws. Never asked for bytes outside the file.
  public typealias PositionalRead = @Sendable (Int64, UnsafeMutableRawBufferPointer) throws -> Void

  /// The header, accepted by every rule.
  public let header: Qcow2Header
  /// The size of the file in bytes.
  public let fileSize: Int64
  private let object: String
  private let readFile: PositionalRead
  private let cache = TableCache()

  /// Table entries that one call of `extents` looks at, at most.
  private static let workLimit = 1 << 20

  /// Opens a file of `fileSize` bytes, called `object` in sentences. Throws `formatRefused` by the rules of `StreamInspector`, and what
  /// `read` throws.
  public init(fileSize: Int64, object: String, read: @escaping PositionalRead) throws {
    var head = [UInt8](repeating: 0, count: Int(min(max(0, fileSize), Int64(Qcow2Header.window))))
    if !head.isEmpty { try head.withUnsafeMutableBytes { try read(0, $0) } }
    header = try Qcow2Header.acceptable(head: head, fileSize: fileSize, object: object)
    self.fileSize = fileSize
    self.object = object
    readFile = read
  }

  /// The size that a guest sees, a multiple of 512.
  public var virtualSize: Int64 { header.virtualSize }

  /// Runs from `start`, ascending, without gap, at most `limit` (1 or more) of them and none beyond `end`. They may stop before `end`, since one call
  /// does a bounded amount of work: go on from the last one's end. Empty only when `start == end`.
  ///
  /// Throws `formatRefused` for damaged tables, and what the positional read throws.
  public func extents(from start: Int64, to end: Int64, limit: Int = 4096) throws -> [GuestExtent] {
    guard start >= 0, start <= end, end <= virtualSize else { throw outside(start, end) }
    var runs = ExtentRuns(limit: max(1, limit))
    var position = start
    var work = 0
    while position < end, work < Qcow2Reader.workLimit {
      let (table, tableEnd) = (try l2Table(for: position), min(end, (position / header.l2Coverage + 1) * header.l2Coverage))
      work += 1
      guard let table else {
        guard runs.append(position, tableEnd, .hole) else { return runs.extents }
        position = tableEnd
        continue
      }
      while position < tableEnd {
        let slice = try l2Slice(of: table, for: position)
        work += slice.entries.count
        for index in slice.index..<slice.entries.count where position < tableEnd {
          let clusterEnd = min(tableEnd, (position / header.clusterSize + 1) * header.clusterSize)
          let mapping = try ClusterMapping(slice.entries[index], header: header, fileSize: fileSize, object: object)
          guard append(mapping, position, clusterEnd, to: &runs) else { return runs.extents }
          position = clusterEnd
        }
      }
    }
    return runs.extents
  }

  /// Fills `buffer` with guest bytes from `offset`; the range must lie within the virtual size. Compressed clusters are decompressed for each call, so
  /// ranges should begin and end at clusters. Throws `formatRefused` for damaged tables or clusters, and what the positional read throws.
  public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset >= 0, offset <= virtualSize, Int64(buffer.count) <= virtualSize - offset else {
      throw outside(offset, offset.addingReportingOverflow(Int64(buffer.count)).partialValue)
    }
    let end = offset + Int64(buffer.count)
    var position = offset
    while position < end {
      for run in try extents(from: position, to: end) {
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[Int(run.offset - offset)..<Int(run.end - offset)])
        switch run.kind {
        case .hole, .zero: target.initializeMemory(as: UInt8.self, repeating: 0)
        case .data(let hostOffset): try readFile(hostOffset, target)
        case .compressed: try readCompressed(run, into: target)
        }
        position = run.end
      }
    }
  }

  private func append(_ mapping: ClusterMapping, _ start: Int64, _ end: Int64, to runs: inout ExtentRuns) -> Bool {
    switch mapping {
    case .hole: return runs.append(start, end, .hole)
    case .zero: return runs.append(start, end, .zero)
    case .compressed: return runs.append(start, end, .compressed)
    case .data(let cluster):
      // A cluster that goes on beyond the end of the file reads as zeros there, as in QEMU.
      let host = cluster + start % header.clusterSize
      let stored = min(end, start + max(0, fileSize - host))
      if stored > start, !runs.append(start, stored, .data(hostOffset: host)) { return false }
      return stored == end || runs.append(stored, end, .zero)
    }
  }

  private func readCompressed(_ run: GuestExtent, into target: UnsafeMutableRawBufferPointer) throws {
    guard let compression = header.compression, let decompressor = ClusterDecompressor(compression) else {
      throw SlipwayError(.ioError, "\(object): there is no memory to decompress a cluster", object: object)
    }
    let size = Int(header.clusterSize)
    var source = [UInt8]()
    var whole = [UInt8]()
    var position = run.offset
    while position < run.end {
      let clusterStart = position / header.clusterSize * header.clusterSize
      let end = min(run.end, clusterStart + header.clusterSize)
      guard case .compressed(let host, let length) = try mapping(at: position) else {
        throw SlipwayError.damaged(object, "its tables change while they are read")
      }
      if source.count < length { source = [UInt8](repeating: 0, count: length) }
      let part = UnsafeMutableRawBufferPointer(rebasing: target[Int(position - run.offset)..<Int(end - run.offset)])
      let isWhole = part.count == size
      if !isWhole, whole.isEmpty { whole = [UInt8](repeating: 0, count: size) }
      try source.withUnsafeMutableBytes { try readFile(host, UnsafeMutableRawBufferPointer(rebasing: $0[..<length])) }
      let complete = source.withUnsafeBytes { source in
        let source = UnsafeRawBufferPointer(rebasing: source[..<length])
        if isWhole { return decompressor.decompress(source, into: part) }
        return whole.withUnsafeMutableBytes { decompressor.decompress(source, into: $0) }
      }
      guard complete else {
        throw SlipwayError.damaged(object, "the compressed cluster at guest offset \(clusterStart) cannot be decompressed")
      }
      if !isWhole {
        let skip = Int(position - clusterStart)
        whole.withUnsafeBytes { part.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[skip..<skip + part.count])) }
      }
      position = end
    }
  }

  private func mapping(at position: Int64) throws -> ClusterMapping {
    guard let table = try l2Table(for: position) else { return .hole }
    let slice = try l2Slice(of: table, for: position)
    return try ClusterMapping(slice.entries[slice.index], header: header, fileSize: fileSize, object: object)
  }

  /// Where the L2 table for a guest offset lies, nil for none.
  private func l2Table(for position: Int64) throws -> Int64? {
    let index = Int(position / header.l2Coverage)
    let slice = try slice(of: header.l1Offset, entries: header.l1Entries, index: index)
    return try ClusterMapping.l2Offset(slice.entries[slice.index], header: header, fileSize: fileSize, object: object)
  }

  private func l2Slice(of table: Int64, for position: Int64) throws -> (entries: [UInt64], index: Int) {
    let index = Int(position / header.clusterSize % header.l2Entries)
    return try slice(of: table, entries: Int(header.l2Entries), index: index)
  }

  /// The slice of a table of `entries` entries that `index` is in, and the index within it.
  private func slice(of table: Int64, entries: Int, index: Int) throws -> (entries: [UInt64], index: Int) {
    let first = index / TableCache.sliceEntries * TableCache.sliceEntries
    let offset = table + Int64(first) * 8
    let count = min(TableCache.sliceEntries, entries - first)
    return (try cache.entries(at: offset, count: count) { try readFile(offset, $0) }, index - first)
  }

  private func outside(_ start: Int64, _ end: Int64) -> SlipwayError {
    SlipwayError(.internalError, "\(object): bytes \(start) to \(end) were asked of a virtual size of \(virtualSize)", object: object)
  }
}

/// Runs that grow at their end, joined where they continue each other.
private struct ExtentRuns {
  let limit: Int
  private(set) var extents: [GuestExtent] = []

  init(limit: Int) { self.limit = limit }

  /// Adds `start ..< end`; false when that would be one run too many.
  mutating func append(_ start: Int64, _ end: Int64, _ kind: GuestExtent.Kind) -> Bool {
    if let last = extents.last, continues(last, kind) {
      extents[extents.count - 1].length += end - start
      return true
    }
    guard extents.count < limit else { return false }
    extents.append(GuestExtent(offset: start, length: end - start, kind: kind))
    return true
  }

  private func continues(_ last: GuestExtent, _ kind: GuestExtent.Kind) -> Bool {
    switch (last.kind, kind) {
    case (.hole, .hole), (.zero, .zero), (.compressed, .compressed): true
    case (.data(let before), .data(let now)): before + last.length == now
    default: false
    }
  }
}
