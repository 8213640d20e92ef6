internal import Model

/// A run of whole blocks, data or hole, longer than nothing.
struct Run: Equatable {
  let start: Int64
  let end: Int64
  let isData: Bool

  /// The runs of one slice: data rounded out to `granularity`, neighbours merged, covering `slice` exactly. `slice` starts at a
  /// multiple of the granularity and ends at one, or at `size`.
  ///
  /// Throws `sizeMismatch` for an extent beyond `size`, `sourceFailed` for extents that don't cover the slice one after another.
  static func cover(_ slice: Range<Int64>, with extents: [Extent], granularity: Int64, size: Int64) throws -> [Run] {
    var runs: [Run] = []
    var position = slice.lowerBound
    func append(_ start: Int64, _ end: Int64, _ isData: Bool) {
      guard end > start else { return }
      if let last = runs.last, last.isData == isData {
        runs[runs.count - 1] = Run(start: last.start, end: end, isData: isData)
      } else {
        runs.append(Run(start: start, end: end, isData: isData))
      }
    }
    // Up to where runs stand: behind `position` where data was rounded up.
    var covered = slice.lowerBound
    for extent in extents {
      let (end, overflow) = extent.offset.addingReportingOverflow(extent.length)
      guard extent.offset >= 0, !overflow, end <= size else {
        throw SlipwayError(
          .sizeMismatch, "the source tells of bytes at \(extent.offset) to \(overflow ? Int64.max : end), but its size is \(size)")
      }
      guard extent.length > 0, extent.offset == position, end <= slice.upperBound else {
        throw SlipwayError(
          .sourceFailed,
          "the source's extents are not in order: \(extent.offset) + \(extent.length) where \(position) to \(slice.upperBound) was due")
      }
      position = end
      guard extent.isData else { continue }
      let first = max(covered, extent.offset - extent.offset % granularity)
      let (rounded, over) = end.addingReportingOverflow(granularity - 1)
      let last = over ? slice.upperBound : min(slice.upperBound, rounded - rounded % granularity)
      append(covered, first, false)
      append(first, last, true)
      covered = max(covered, last)
    }
    guard position == slice.upperBound else {
      throw SlipwayError(.sourceFailed, "the source's extents end at \(position), where \(slice.upperBound) was due")
    }
    append(covered, slice.upperBound, false)
    return runs
  }
}
