import FaultServer
import HTTPClient
import Model
import OpenStack
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct RetryTests {
  private func asked(_ cloud: FakeCloud) -> Int { cloud.server.requests.filter { $0.path.hasPrefix("/image") }.count }

  @Test(arguments: [429, 502, 503, 504]) func aPassingTroubleIsRetried(status: Int) async throws {
    let cloud = try FakeCloud { ask in ask.before < 2 ? FaultReply(status) : .json(FakeCloud.image()) }
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    #expect(asked(cloud) == 3)
  }

  @Test func aBrokenConnectionIsRetried() async throws {
    let cloud = try FakeCloud { ask in ask.before == 0 ? FaultReply().with { $0.raw = [] } : .json(FakeCloud.image()) }
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
  }

  @Test func aTruncatedAnswerIsRetried() async throws {
    let cloud = try FakeCloud { ask in .json(FakeCloud.image()).with { if ask.before == 0 { $0.cut = 100 } } }
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    #expect(asked(cloud) == 2)
  }

  @Test func threeTriesAreTheEnd() async throws {
    let cloud = try FakeCloud { _ in FaultReply(503) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
    #expect(asked(cloud) == 3)
  }

  @Test func aPlainErrorIsNotRetried() async throws {
    let cloud = try FakeCloud { _ in FaultReply(500) }
    _ = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(asked(cloud) == 1)
  }

  @Test func retryAfterIsWaitedFor() async throws {
    let times = Locked<[ContinuousClock.Instant]>([])
    let cloud = try FakeCloud { ask in
      times.with { $0.append(.now) }
      return ask.before == 0 ? FaultReply(503, [("Retry-After", "1")]) : .json(FakeCloud.image())
    }
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    let seen = times.with { $0 }
    #expect(seen[1] - seen[0] >= .milliseconds(990))
  }

  @Test func aLongRetryAfterIsNotWaitedFor() async throws {
    let cloud = try FakeCloud { _ in FaultReply(503, [("Retry-After", "3600")]) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
    #expect(asked(cloud) == 1)
  }

  @Test func aDeadlineThatWouldPassInThePauseEndsItNow() async throws {
    let cloud = try FakeCloud(retry: { $0.longestRetryAfter = .seconds(300) }) { _ in FaultReply(503, [("Retry-After", "200")]) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context(.seconds(30))) }
    #expect(error?.code == .imageServiceUnavailable)
    #expect(asked(cloud) == 1)
  }

  @Test func aServiceThatStallsIsUnavailable() async throws {
    let cloud = try FakeCloud(settings: { $0.stallTimeout = .milliseconds(100) }) { _ in .json(FakeCloud.image()).with { $0.hang = 10 } }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
  }
}
