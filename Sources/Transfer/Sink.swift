public import Runtime

/// Where bytes go. Each byte is written at most once; what is never written is a hole and reads as zeros.
public protocol Sink: Sendable {
  /// A power of two, in bytes (say 65536): every write starts at a multiple of it and ends at one, or at the image's end. A block of this
  /// size and alignment that is all zeros is not written.
  var granularity: Int { get }

  /// Writes `buffer.memory[range]` at `offset`. Calls come out of order and several at once, never two for the same bytes. The engine
  /// waits for every write that it began, also when the transfer fails, so the target may be closed once the engine has returned.
  func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws

  /// Everything below `offset` was written or is a hole for good (a qcow2 writer can put its tables down). Ascending, one call at a time,
  /// at moments of the engine's choosing; the last call before `finish` says the size.
  func reached(_ offset: Int64) async throws

  /// All is written and every observer has agreed: sets the length to `size` bytes and writes the final metadata. Does not sync, that
  /// is the store's affair. Called once, and only when nothing failed.
  func finish(size: Int64) async throws
}

/// A sink whose writes block (a file): the engine calls `writeBlocking` on an owned thread, in the same job that looks for zeros, which saves
/// two changes of thread per piece.
public protocol BlockingSink: Sink {
  /// Threads for `write`, should somebody call it.
  var workers: WorkerPool { get }

  /// As `Sink.write`, on the calling thread, which may block.
  func writeBlocking(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
}

extension BlockingSink {
  /// Runs `writeBlocking` on one of `workers`.
  public func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {
    try await workers.runAlways { try writeBlocking(UnsafeRawBufferPointer(rebasing: buffer.memory[range]), at: offset) }
  }
}
