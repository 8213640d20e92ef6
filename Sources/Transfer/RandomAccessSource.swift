public import Model
public import Runtime

/// Where bytes come from when any range can be read at any time, several at once: an RBD snapshot, a file.
///
/// What it serves must not change during a transfer (a snapshot, a file under a lock). The engine calls `extents` for one slice while it
/// reads another, and `read` many times at once.
public protocol RandomAccessSource: Sendable {
  /// The size in bytes, 0 or more.
  var size: Int64 { get }

  /// Extents that cover `offset ..< end` without gap or overlap, ascending, none outside it; the engine asks slice by slice, each
  /// once. What is not known to be a hole is data. Throws `SlipwayError`; `sourceFailed`, `timeout` and `clusterUnreachable` are tried again.
  func extents(from offset: Int64, to end: Int64) async throws -> [Extent]

  /// Fills `buffer.memory[0..<length]` with the bytes from `offset`. Fewer bytes than `length` are an error (`sourceFailed`), never zeros.
  ///
  /// Ends within the source's own timeout, and at once with `CancellationError` where it can be cancelled. A call that gives up while the
  /// library beneath still may write into the memory keeps a reference to `buffer` until that is over: the engine sees it and takes
  /// another buffer for the next attempt. Throws `SlipwayError`; `sourceFailed`, `timeout` and `clusterUnreachable` are tried again.
  func read(at offset: Int64, length: Int, into buffer: Buffer) async throws
}
