internal import Glibc
public import Model
public import Runtime
public import Transfer

/// A sink in memory that remembers what it was told and every breach of the sink's contract.
public final class MemorySink: Sink {
  private struct State: Sendable {
    var bytes: [UInt8] = []
    var writes: [Range<Int64>] = []
    var reached: [Int64] = []
    var isReaching = false
    var finished: Int64?
    var complaints: [String] = []
    var generator: SplitMix64
  }

  public let granularity: Int
  private let delay: Duration?
  private let failure: (number: Int, code: ErrorCode)?
  private let state: Locked<State>

  /// A sink; with `delay` every write takes a random time up to it; `failing` says which write fails (from 0) and how.
  public init(granularity: Int = 65536, delay: Duration? = nil, failing: (number: Int, code: ErrorCode)? = nil, seed: UInt64 = 1) {
    self.granularity = granularity
    self.delay = delay
    failure = failing
    state = Locked(State(generator: SplitMix64(seed: seed)))
  }

  /// The image as it lies here now.
  public var bytes: [UInt8] { state.with { $0.bytes } }
  /// The size that `finish` said, nil before.
  public var finished: Int64? { state.with { $0.finished } }
  /// The ranges written, in the order in which the writes began.
  public var writes: [Range<Int64>] { state.with { $0.writes } }
  /// What `reached` was told.
  public var reached: [Int64] { state.with { $0.reached } }
  /// Breaches of the contract: misaligned, overlapping or late writes, `reached` out of order, calls after `finish`.
  public var complaints: [String] { state.with { $0.complaints } }

  public func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {
    try await pause()
    try put(UnsafeRawBufferPointer(rebasing: buffer.memory[range]), at: offset)
  }

  fileprivate func put(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
    try state.with { state in
      let range = offset..<offset + Int64(bytes.count)
      if let failure, failure.number == state.writes.count { throw SlipwayError(failure.code, "write \(failure.number) failed") }
      if range.isEmpty || offset % Int64(granularity) != 0 { state.complaints.append("write at \(range)") }
      if state.writes.contains(where: { $0.overlaps(range) }) { state.complaints.append("second write at \(range)") }
      if offset < state.reached.last ?? 0 { state.complaints.append("write at \(range) after \(state.reached.last ?? 0) was reached") }
      if state.finished != nil { state.complaints.append("write after the end") }
      state.writes.append(range)
      let end = Int(range.upperBound)
      if state.bytes.count < end { state.bytes.append(contentsOf: Bytes.zeros(end - state.bytes.count)) }
      state.bytes.withUnsafeMutableBytes { memory in
        UnsafeMutableRawBufferPointer(rebasing: memory[Int(offset)..<end]).copyMemory(from: bytes)
      }
    }
  }

  public func reached(_ offset: Int64) async throws {
    state.with { state in
      if state.isReaching { state.complaints.append("reached \(offset) while another call runs") }
      state.isReaching = true
      if offset < state.reached.last ?? 0 { state.complaints.append("reached \(offset) after \(state.reached.last ?? 0)") }
      state.reached.append(offset)
    }
    await Task.yield()
    state.with { $0.isReaching = false }
  }

  public func finish(size: Int64) async throws {
    state.with { state in
      if state.finished != nil { state.complaints.append("finished twice") }
      if size > 0, state.reached.last != size { state.complaints.append("finished at \(size), reached \(state.reached.last ?? 0)") }
      state.finished = size
      let count = Int(clamping: size)
      // A test of a huge empty image has nothing to compare.
      if count < 1 << 30, state.bytes.count < count { state.bytes.append(contentsOf: Bytes.zeros(count - state.bytes.count)) }
    }
  }

  private func pause() async throws {
    guard let delay else { return }
    let dice = state.with { $0.generator.next() }
    try await Task.sleep(for: delay * (Double(dice % 1024) / 1024))
  }
}

/// A `MemorySink` that is written to on the engine's owned threads.
public final class BlockingMemorySink: BlockingSink {
  /// The sink beneath, which remembers.
  public let memory: MemorySink
  public let workers: WorkerPool

  /// A blocking face for `memory`.
  public init(_ memory: MemorySink, workers: WorkerPool) {
    self.memory = memory
    self.workers = workers
  }

  public var granularity: Int { memory.granularity }
  public func writeBlocking(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws { try memory.put(bytes, at: offset) }
  public func reached(_ offset: Int64) async throws { try await memory.reached(offset) }
  public func finish(size: Int64) async throws { try await memory.finish(size: size) }
}
