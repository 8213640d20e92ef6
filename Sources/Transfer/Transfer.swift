public import Model
public import Runtime

/// The one-pass data plane: a source's bytes go to the sink out of order, as soon as they are here, and to every observer in order.
///
/// Holes are neither read nor written. Memory is what the budget allows, whatever the image's size: bytes are taken from it in the order of the
/// image, before the read begins, and given back when the sink and all observers are done with them. So the piece that everybody waits for
/// always has its memory, and transfers that share a budget cannot lock each other out.
public enum Transfer {
  /// Copies a source that can be read anywhere, several ranges at once.
  ///
  /// Returns when every byte was written, every observer has seen all, and the sink has finished. Throws the first real error: the
  /// source's (after its retries), the sink's, an observer's; `sizeMismatch` when extents lie beyond the size; `timeout` when the context's
  /// deadline passes; `CancellationError` when the caller is cancelled. Nothing is read or written any more once it has thrown, save reads
  /// that did not end within `options.grace`.
  public static func run(
    from source: any RandomAccessSource, to sink: any Sink, observers: [any Observer] = [], options: TransferOptions = TransferOptions(),
    budget: ByteBudget, workers: WorkerPool, context: RequestContext
  ) async throws -> ByteTally {
    let engine = try Engine(
      to: sink, size: source.size, observers: observers, options: options, budget: budget, workers: workers, context: context)
    return try await engine.run(until: context.deadline) { try await engine.produce(from: source, into: &$0) }
  }

  /// Copies a source that comes in order only. As above; `sizeMismatch` when the stream is shorter or longer than its announced size.
  public static func run(
    from source: any SequentialSource, to sink: any Sink, observers: [any Observer] = [], options: TransferOptions = TransferOptions(),
    budget: ByteBudget, workers: WorkerPool, context: RequestContext
  ) async throws -> ByteTally {
    let engine = try Engine(
      to: sink, size: source.size, observers: observers, options: options, budget: budget, workers: workers, context: context)
    return try await engine.run(until: context.deadline) { try await engine.produce(from: source, into: &$0) }
  }
}
