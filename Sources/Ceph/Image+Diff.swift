internal import CCeph
public import Model
internal import Runtime

extension Image {
  /// Whether the object map can tell what exists without asking each object: fast-diff is on and its map is valid.
  public func hasFastDiff() async throws -> Bool {
    guard features & UInt64(RBD_FEATURE_FAST_DIFF) != 0 else { return false }
    let label = self.label
    return try await blocking { image in
      var flags: UInt64 = 0
      try CephCheck.check(rbd_get_flags(image, &flags), "rbd_get_flags", object: label, doing: "ask the flags of \(label)")
      return flags & UInt64(RBD_FLAG_OBJECT_MAP_INVALID | RBD_FLAG_FAST_DIFF_INVALID) == 0
    }
  }

  /// What exists in `[offset, end)`, the parent's data included, as extents without gap, ascending (Implements `rbd_diff_iterate2` from
  /// the beginning of time). With `wholeObjects` only the object map is asked, which is cheap where `hasFastDiff`.
  public func extents(from offset: Int64, to end: Int64, wholeObjects: Bool) async throws -> [Extent] {
    let label = self.label
    let limit = min(end, size)
    guard offset < limit else { return [] }
    return try await blocking { image in
      let found = DiffCollector()
      let code = withExtendedLifetime(found) {
        rbd_diff_iterate2(
          image, nil, UInt64(offset), UInt64(limit - offset), 1, wholeObjects ? 1 : 0,
          { offset, length, exists, argument in
            guard let argument else { return -22 }
            if exists != 0 { Unmanaged<DiffCollector>.fromOpaque(argument).takeUnretainedValue().add(offset, length) }
            return 0
          }, Unmanaged.passUnretained(found).toOpaque())
      }
      try CephCheck.check(code, "rbd_diff_iterate2", object: label, doing: "ask which parts of \(label) exist")
      return found.filled(from: offset, to: limit)
    }
  }
}

/// Collects what one call of `rbd_diff_iterate2` reports; used by one thread, within that call.
private final class DiffCollector {
  private var data: [Extent] = []

  func add(_ offset: UInt64, _ length: Int) {
    let start = Int64(clamping: offset)
    if let last = data.last, last.end == start {
      data[data.count - 1].length += Int64(length)
    } else if length > 0 {
      data.append(Extent(offset: start, length: Int64(length), isData: true))
    }
  }

  /// The data clipped to the range and sorted, with the holes between.
  func filled(from start: Int64, to end: Int64) -> [Extent] {
    var out: [Extent] = []
    var position = start
    for extent in data.sorted(by: { $0.offset < $1.offset }) {
      let from = max(extent.offset, position)
      let to = min(extent.end, end)
      guard from < to else { continue }
      if from > position { out.append(Extent(offset: position, length: from - position, isData: false)) }
      out.append(Extent(offset: from, length: to - from, isData: true))
      position = to
    }
    if position < end { out.append(Extent(offset: position, length: end - position, isData: false)) }
    return out
  }
}
