internal import Model
internal import Runtime

extension Engine {
  /// The producer for streams: fills one buffer after the other and starts a task for each to write it.
  func produce(from source: any SequentialSource, into group: inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Int64 {
    let size = source.size
    if let size, size < 0 { throw SlipwayError(.sourceFailed, "the source says that its size is \(size)") }
    let sparse = source as? any SparseSequentialSource
    var position: Int64 = 0
    while size.map({ position < $0 }) ?? true {
      let zeros = try await sparse?.zeros(granularity: Int(cut.granularity)) ?? 0
      if zeros > 0 {
        position += zeros
        try check()
        try await hole(to: position)
        continue
      }
      let capacity = Int(min(cut.chunk, (size ?? .max) - position))
      try await options.rate?.take(capacity)
      let charge = try await Charge.take(capacity, of: budget, pieces: pieces)
      let buffer = charge.buffer(capacity)
      let count = try await fill(buffer, from: source)
      if count > 0 {
        let start = position
        position += Int64(count)
        let number = expect(to: position)
        arrived(number, buffer, count: count)
        group.addTask { await self.put(number, buffer, count: count, at: start) }
      }
      if count < capacity { break }
    }
    guard let size else { return position }
    guard position == size else {
      throw SlipwayError(.sizeMismatch, "the source ended after \(position) bytes, but \(size) were announced")
    }
    let rest = Buffer(capacity: 4096)
    guard try await source.next(into: rest, from: 0) == 0 else {
      throw SlipwayError(.sizeMismatch, "the source goes on after the \(size) bytes that were announced")
    }
    return size
  }

  /// Fills `buffer` up to its end or the stream's; returns the number of bytes.
  private func fill(_ buffer: Buffer, from source: any SequentialSource) async throws -> Int {
    var count = 0
    while count < buffer.memory.count {
      try check()
      let more = try await source.next(into: buffer, from: count)
      guard (0...(buffer.memory.count - count)).contains(more) else {
        throw SlipwayError(.internalError, "the source says that it put \(more) bytes where \(buffer.memory.count - count) fit")
      }
      if more == 0 { break }
      count += more
    }
    return count
  }

  private func put(_ number: Int, _ buffer: consuming Buffer, count: Int, at offset: Int64) async {
    do {
      try await store(number, buffer, count: count, at: offset)
      try await advance()
    } catch {
      fail(error)
    }
  }
}
