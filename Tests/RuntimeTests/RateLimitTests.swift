import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct RateLimitTests {
  @Test func moreThanTheBurstMustWait() async throws {
    let limit = RateLimit(bytesPerSecond: 1000)
    let start = ContinuousClock.now
    for _ in 0..<5 { try await limit.take(100) }
    // 500 bytes, 250 of them at once: the rest is worth a quarter of a second.
    #expect(ContinuousClock.now - start >= .milliseconds(240))
  }

  @Test func aLiftedLimitLetsWaitersGo() async throws {
    let limit = RateLimit(bytesPerSecond: 1)
    let waiting = Task { try await limit.take(1 << 20) }
    try await Task.sleep(for: .milliseconds(20))
    limit.lift()
    try await waiting.value
    try await limit.take(1 << 30)
  }

  @Test func aCancelledWaiterLeaves() async {
    let limit = RateLimit(bytesPerSecond: 1)
    let waiting = Task { try await limit.take(1 << 20) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test func aShareIsLiftedWithoutTheOthersAndWithThemAll() async throws {
    let whole = RateLimit(bytesPerSecond: 1)
    let one = RateLimit(sharing: whole)
    let two = RateLimit(sharing: whole)
    one.lift()
    try await one.take(1 << 20)
    #expect(!whole.isLifted && !two.isLifted)
    let waiting = Task { try await two.take(1 << 20) }
    whole.lift()
    try await waiting.value
    #expect(two.isLifted)
  }
}
