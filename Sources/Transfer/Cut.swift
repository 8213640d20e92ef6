internal import Model
internal import Runtime

/// How data is cut into pieces: the options, made to fit the sink and the budget.
struct Cut {
  /// The sink's block size.
  let granularity: Int64
  /// Bytes per piece at most, a multiple of the granularity.
  let chunk: Int64
  /// No piece straddles a multiple of this, 0 for none; a multiple of the granularity.
  let object: Int64

  /// Throws `internal` when the sink's granularity is no power of two.
  init(_ options: TransferOptions, granularity: Int, budget: ByteBudget) throws {
    guard granularity > 0, granularity & (granularity - 1) == 0 else {
      throw SlipwayError(.internalError, "the sink's granularity \(granularity) is no power of two")
    }
    let block = Int64(granularity)
    let wanted = min(Int64(max(1, options.chunk)), Int64(budget.capacity))
    self.granularity = block
    chunk = max(block, wanted - wanted % block)
    let object = options.objectSize ?? 0
    self.object = object > 0 && object % block == 0 ? object : 0
  }

  /// Where the piece that starts at `offset` ends, if data goes on for so long.
  func end(of offset: Int64) -> Int64 {
    let next = Cut.next(chunk, after: offset)
    return object > 0 ? min(next, Cut.next(object, after: offset)) : next
  }

  /// The end of the slice that starts at `offset`, `length` bytes further, on a block and within `size`.
  func slice(from offset: Int64, length: Int64, size: Int64) -> Int64 {
    let length = max(granularity, length - length % granularity)
    return size - offset <= length ? size : offset + length
  }

  private static func next(_ step: Int64, after offset: Int64) -> Int64 {
    let (end, overflow) = (offset - offset % step).addingReportingOverflow(step)
    return overflow ? .max : end
  }
}
