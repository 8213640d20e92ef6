import Model
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct LazyTests {
  @Test func manyCallersMakeOne() async throws {
    let made = Locked(0)
    let lazy = Lazy<Int>()
    let values = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await lazy.get {
            try await Task.sleep(for: .milliseconds(5))
            return made.with {
              $0 += 1
              return $0
            }
          }
        }
      }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(values == [1])
  }

  @Test func aFailureIsTriedAgain() async throws {
    let lazy = Lazy<Int>()
    await #expect(throws: SlipwayError.self) { try await lazy.get { throw SlipwayError(.timeout, "late") } }
    let value = try await lazy.get { 7 }
    #expect(value == 7)
  }

  @Test func aCancelledCallerLeavesAtOnceAndTheOthersStay() async throws {
    let lazy = Lazy<Int>()
    let release = Handoff<Int>()
    let first = Task { try await lazy.get { try await release.value() } }
    let second = Task { try await lazy.get { 0 } }
    try await Task.sleep(for: .milliseconds(20))
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    release.fulfill(.success(3))
    let value = try await second.value
    #expect(value == 3)
  }
}
