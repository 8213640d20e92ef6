internal import Runtime

/// What one piece holds of the budgets, given back when its last buffer is freed.
final class Charge: Sendable {
  private let bytes: Int
  private let budget: ByteBudget
  private let pieces: ByteBudget

  private init(_ bytes: Int, of budget: ByteBudget, pieces: ByteBudget) {
    self.bytes = bytes
    self.budget = budget
    self.pieces = pieces
  }

  deinit {
    budget.give(bytes)
    pieces.give(1)
  }

  /// Waits its turn for one of `pieces`, then for `bytes` of `budget`: what is shared comes last, so that nobody sits on it while waiting.
  static func take(_ bytes: Int, of budget: ByteBudget, pieces: ByteBudget) async throws -> Charge {
    try await pieces.take(1)
    do {
      try await budget.take(bytes)
    } catch {
      pieces.give(1)
      throw error
    }
    return Charge(bytes, of: budget, pieces: pieces)
  }

  /// Memory that holds the charge for as long as it lives.
  func buffer(_ capacity: Int) -> Buffer {
    Buffer(capacity: capacity) { withExtendedLifetime(self) {} }
  }
}
