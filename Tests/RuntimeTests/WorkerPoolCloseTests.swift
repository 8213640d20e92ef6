import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct WorkerPoolCloseTests {
  @Test func aJobAfterTheEndStillRuns() async throws {
    // Something that hangs on a closed connection is closed late: its job must not wait for threads that are gone.
    let pool = WorkerPool(name: "closed", threads: 1)
    _ = try await pool.run { 1 }
    pool.close()
    try await Task.sleep(for: .milliseconds(50))
    for number in 0..<3 { #expect(try await pool.runAlways { number } == number) }
  }
}
