import Model
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct WorkerPoolThreadsTests {
  /// An idle thread must not be counted for two jobs: the second would wait behind a first that blocks.
  @Test func aBlockedJobDoesNotHoldUpTheNextWhileThreadsAreToBeHad() async throws {
    let pool = WorkerPool(name: "test", threads: 2)
    for _ in 0..<200 {
      try await pool.run {}
      let gate = Handoff<Void>()
      let open = Locked(false)
      pool.submit { while !open.with({ $0 }) {} }
      pool.submit { open.with { $0 = true } }
      pool.submit { gate.fulfill(.success(())) }
      try await gate.value()
    }
  }
}
