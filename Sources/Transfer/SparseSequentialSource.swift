/// A source that comes in order, and tells of zeros without giving them one by one: what another program writes into a pipe of ours.
public protocol SparseSequentialSource: SequentialSource {
  /// How many zeros come next, as far as is known: whole multiples of `granularity`, or all up to the size; they count as given. 0 when other bytes
  /// come next, or fewer zeros than that. Waits until something is known. The engine asks between two pieces, at a multiple of `granularity`.
  func zeros(granularity: Int) async throws -> Int64
}
