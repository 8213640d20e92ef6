import Runtime
import Testing

@Suite struct ByteBudgetTests {
  @Test func waitersAreServedInOrder() async throws {
    let budget = ByteBudget(capacity: 10)
    try await budget.take(8)
    let order = Locked<[Int]>([])
    let large = Task {
      try await budget.take(10)
      order.with { $0.append(10) }
      budget.give(10)
    }
    while budget.available != 2 { await Task.yield() }
    try await Task.sleep(for: .milliseconds(20))
    let small = Task {
      try await budget.take(1)
      order.with { $0.append(1) }
      budget.give(1)
    }
    try await Task.sleep(for: .milliseconds(20))
    budget.give(8)
    try await large.value
    try await small.value
    #expect(order.with { $0 } == [10, 1])
    #expect(budget.available == 10)
  }

  @Test func aCancelledWaiterLeavesTheQueue() async throws {
    let budget = ByteBudget(capacity: 4)
    try await budget.take(4)
    let blocked = Task { try await budget.take(4) }
    try await Task.sleep(for: .milliseconds(20))
    blocked.cancel()
    await #expect(throws: CancellationError.self) { try await blocked.value }
    budget.give(4)
    try await budget.take(4)
    #expect(budget.available == 0)
  }

  @Test func moreThanEverythingCountsAsEverything() async throws {
    let budget = ByteBudget(capacity: 4)
    try await budget.take(100)
    budget.give(100)
    #expect(budget.available == 4)
  }
}
