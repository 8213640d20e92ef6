public import Runtime

/// Where bytes come from when they come in order only: HTTP, a pipe.
///
/// Called by one task at a time. It resumes a broken stream by itself, since it alone knows how: an error that it throws ends the transfer.
public protocol SequentialSource: Sendable {
  /// The size in bytes, if it was told beforehand. A stream that ends earlier or later fails the transfer with `sizeMismatch`.
  var size: Int64? { get }

  /// Puts the next bytes into `buffer.memory[start...]`, as many as are at hand and fit, at least one; returns how many, 0 for the end.
  /// `start` is less than the memory's size. The engine calls it until the buffer is full, so that small network reads are gathered
  /// without copying.
  func next(into buffer: Buffer, from start: Int) async throws -> Int
}
