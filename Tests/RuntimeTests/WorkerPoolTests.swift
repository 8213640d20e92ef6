import Model
import Runtime
import Testing

@Suite struct WorkerPoolTests {
  @Test func runsManyJobsOnFewThreads() async throws {
    let pool = WorkerPool(name: "test", threads: 3)
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for n in 0..<1000 { group.addTask { try await pool.run { n } } }
      return try await group.reduce(0, +)
    }
    #expect(sum == 499_500)
  }

  @Test func passesErrorsOn() async {
    let pool = WorkerPool(name: "test", threads: 1)
    let error = await #expect(throws: SlipwayError.self) { try await pool.run { throw SlipwayError(.noSpace, "full") } }
    #expect(error?.code == .noSpace)
  }

  @Test(.timeLimit(.minutes(5))) func aHangingCallIsLeftBehindAtTheDeadline() async {
    let pool = WorkerPool(name: "test", threads: 1)
    let release = Locked(false)
    let error = await #expect(throws: SlipwayError.self) {
      try await pool.run(until: .after(.milliseconds(30)), orThrow: SlipwayError(.timeout, "late")) {
        while !release.with({ $0 }) {}
      }
    }
    #expect(error?.code == .timeout)
    release.with { $0 = true }
  }

  @Test func aCancelledTaskStartsNothing() async {
    let pool = WorkerPool(name: "test", threads: 1)
    let ran = Locked(false)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await pool.run { ran.with { $0 = true } }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(!ran.with { $0 })
  }
}
