internal import Runtime

/// A few slices of L1 and L2 tables, shared by the threads that read one image: 4096 entries each, the least recently used goes.
final class TableCache: Sendable {
  /// Entries of a slice.
  static let sliceEntries = 4096
  private static let capacity = 16

  private struct Slice: Sendable {
    let offset: Int64
    let entries: [UInt64]
  }

  private let slices = Locked<[Slice]>([])

  /// `count` entries from `offset` of the file; `load` reads them when they are not here. Two threads may load the same slice at once.
  func entries(at offset: Int64, count: Int, load: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> [UInt64] {
    let found = slices.with { slices -> [UInt64]? in
      guard let index = slices.firstIndex(where: { $0.offset == offset && $0.entries.count == count }) else { return nil }
      let slice = slices.remove(at: index)
      slices.append(slice)
      return slice.entries
    }
    if let found { return found }
    var entries = [UInt64](repeating: 0, count: count)
    try entries.withUnsafeMutableBytes(load)
    for index in entries.indices { entries[index] = UInt64(bigEndian: entries[index]) }
    let loaded = entries
    slices.with { slices in
      if slices.count >= TableCache.capacity { slices.removeFirst() }
      slices.append(Slice(offset: offset, entries: loaded))
    }
    return loaded
  }
}
