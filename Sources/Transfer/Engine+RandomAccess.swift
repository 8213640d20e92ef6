internal import Model
internal import Runtime

extension Engine {
  /// The producer for sources that can be read anywhere: walks the extents slice by slice and starts a task for each piece of data.
  func produce(from source: any RandomAccessSource, into group: inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Int64 {
    let size = source.size
    guard size >= 0 else { throw SlipwayError(.sourceFailed, "the source says that its size is \(size)") }
    // Short at first: nothing is read until the first answer is here.
    var length = max(cut.chunk, options.slice / 16)
    var slice = 0..<cut.slice(from: 0, length: length, size: size)
    var extents = try await extents(of: source, in: slice)
    while !slice.isEmpty {
      length = min(max(cut.chunk, options.slice), length * 4)
      let following = slice.upperBound..<cut.slice(from: slice.upperBound, length: length, size: size)
      async let ahead = self.extents(of: source, in: following)
      for run in try Run.cover(slice, with: extents, granularity: cut.granularity, size: size) {
        if run.isData {
          try await read(run, from: source, into: &group)
        } else {
          try check()
          try await hole(to: run.end)
        }
      }
      extents = try await ahead
      slice = following
    }
    return size
  }

  private func read(_ run: Run, from source: any RandomAccessSource, into group: inout ThrowingDiscardingTaskGroup<any Error>) async throws
  {
    var offset = run.start
    while offset < run.end {
      try check()
      let end = min(run.end, cut.end(of: offset))
      let start = offset
      let length = Int(end - start)
      try await options.rate?.take(length)
      // In the order of the image, by this one task: see Transfer.
      try await reads.take(1)
      let charge: Charge
      do {
        charge = try await Charge.take(length, of: budget, pieces: pieces)
      } catch {
        reads.give(1)
        throw error
      }
      let number = expect(to: end)
      group.addTask { await self.carry(number, from: source, at: start, length: length, charge: charge) }
      offset = end
    }
  }

  /// The way of one piece, from the source to the sink. Its error ends the transfer.
  private func carry(_ number: Int, from source: any RandomAccessSource, at offset: Int64, length: Int, charge: consuming Charge) async {
    do {
      try await move(number, from: source, at: offset, length: length, charge: charge)
      try await advance()
    } catch {
      fail(error)
    }
  }

  private func move(_ number: Int, from source: any RandomAccessSource, at offset: Int64, length: Int, charge: consuming Charge)
    async throws
  {
    let buffer: Buffer
    do {
      defer { reads.give(1) }
      buffer = try await fill(from: source, at: offset, length: length, charge: charge)
    }
    arrived(number, buffer, count: length)
    try await store(number, buffer, count: length, at: offset)
  }

  /// Reads one range, again where that may help.
  private func fill(from source: any RandomAccessSource, at offset: Int64, length: Int, charge: Charge) async throws -> Buffer {
    var buffer = charge.buffer(length)
    var attempt = 0
    while true {
      try check()
      do {
        try await source.read(at: offset, length: length, into: buffer)
        return buffer
      } catch {
        try await pause(after: error, attempt: attempt)
        attempt += 1
        // A read that gave up may still write into its memory later; then this piece gets other memory, on the same charge.
        if !isKnownUniquelyReferenced(&buffer) { buffer = charge.buffer(length) }
      }
    }
  }

  private func extents(of source: any RandomAccessSource, in slice: Range<Int64>) async throws -> [Extent] {
    if slice.isEmpty { return [] }
    var attempt = 0
    while true {
      try check()
      do {
        return try await source.extents(from: slice.lowerBound, to: slice.upperBound)
      } catch {
        try await pause(after: error, attempt: attempt)
        attempt += 1
      }
    }
  }

  /// Waits before the next attempt, or throws `error` when there is to be none.
  private func pause(after error: any Error, attempt: Int) async throws {
    guard attempt < options.retries, let ours = error as? SlipwayError else { throw error }
    switch ours.code {
    case .sourceFailed, .timeout, .clusterUnreachable: break
    default: throw error
    }
    try check()
    do {
      try await Task.sleep(for: options.backoff * (1 << min(attempt, 16)))
    } catch {
      throw ours
    }
  }
}
