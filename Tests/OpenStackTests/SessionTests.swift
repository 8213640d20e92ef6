import FaultServer
import Glibc
import Model
import OpenStack
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct SessionTests {
  private static let good: @Sendable (FakeCloud.Ask) -> FaultReply = { ask in
    ask.path.hasSuffix("/locations") ? .json("[]") : .json(FakeCloud.image())
  }

  private func logins(_ cloud: FakeCloud) -> Int { cloud.server.requests.filter { $0.path.hasPrefix("/identity") }.count }

  @Test func aTokenIsUsedAgain() async throws {
    let cloud = try FakeCloud(glance: SessionTests.good)
    for _ in 0..<3 { _ = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(logins(cloud) == 1)
  }

  /// A Keystone that answers once `gate` opens.
  private func gated(_ gate: Locked<Bool>) throws -> FakeCloud {
    try FakeCloud(
      keystone: { _ in
        for _ in 0..<4000 where !gate.with({ $0 }) { usleep(5000) }
        return FakeCloud.token("t", image: "http://127.0.0.1:1")
      }, glance: SessionTests.good)
  }

  @Test func manyAtOnceLogInOnce() async throws {
    let gate = Locked(false)
    let cloud = try gated(gate)
    let session = try cloud.glance.session.orThrow()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<10 { group.addTask { _ = try await session.token(cloud.context()) } }
      while logins(cloud) == 0 { try await Task.sleep(for: .milliseconds(5)) }
      try await Task.sleep(for: .milliseconds(50))
      gate.with { $0 = true }
      try await group.waitForAll()
    }
    #expect(logins(cloud) == 1)
  }

  @Test func oneWhoLeavesDoesNotEndItForTheOthers() async throws {
    let gate = Locked(false)
    let cloud = try gated(gate)
    let session = try cloud.glance.session.orThrow()
    let first = Task { try await session.token(cloud.context()) }
    while logins(cloud) == 0 { try await Task.sleep(for: .milliseconds(5)) }
    let second = Task { try await session.token(cloud.context()) }
    try await Task.sleep(for: .milliseconds(100))
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    gate.with { $0 = true }
    #expect(try await second.value.secret.value == "t")
  }

  @Test func theLastWhoLeavesEndsIt() async throws {
    let cloud = try gated(Locked(false))
    let session = try cloud.glance.session.orThrow()
    let only = Task { try await session.token(cloud.context()) }
    while logins(cloud) == 0 { try await Task.sleep(for: .milliseconds(5)) }
    only.cancel()
    await #expect(throws: CancellationError.self) { try await only.value }
    cloud.server.stop()
  }

  @Test func aTokenThatIsAboutToExpireIsReplaced() async throws {
    let cloud = try FakeCloud(lifetime: 0, glance: SessionTests.good)
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    #expect(logins(cloud) > 1)
  }

  @Test func aRefusedTokenIsRenewedOnce() async throws {
    let cloud = try FakeCloud { ask in ask.token == "token-1" ? FaultReply(401) : .json(FakeCloud.image()) }
    let image = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    #expect(image.status == .active)
    #expect(logins(cloud) == 2)
  }

  @Test func aRenewedTokenThatIsRefusedTooIsTheEnd() async throws {
    let cloud = try FakeCloud { _ in FaultReply(401) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceDenied)
    #expect(error?.message.contains("agent") == true)
    #expect(logins(cloud) == 2)
  }

  @Test func aCallersTokenIsNeverReplacedByOurs() async throws {
    let cloud = try FakeCloud { _ in FaultReply(401) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, token: Secret("callers-token"), context: cloud.context()) }
    #expect(error?.code == .imageServiceDenied)
    #expect(error?.description.contains("callers-token") == false)
    #expect(cloud.server.requests.filter { $0.path.hasPrefix("/image") }.count == 1)
  }

  @Test(arguments: [
    (401, "", ErrorCode.imageServiceDenied), (404, #"{"error":{"code":404}}"#, .imageServiceDenied), (404, "", .configuration),
    (500, "", .imageServiceUnavailable), (503, "", .imageServiceUnavailable), (201, "{}", .imageServiceUnavailable),
  ])
  func keystonesAnswerHasItsCode(status: Int, body: String, code: ErrorCode) async throws {
    let cloud = try FakeCloud(keystone: { _ in .json(body, status: status) }, glance: SessionTests.good)
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == code)
    #expect(error?.description.contains(FakeCloud.password) == false)
  }

  @Test func aKeystoneThatIsDownIsUnavailable() async throws {
    let cloud = try FakeCloud(glance: SessionTests.good)
    cloud.server.stop()
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
  }

  @Test func theDeadlineHoldsWhileKeystoneIsSlow() async throws {
    let cloud = try FakeCloud(keystone: { _ in FaultReply(503).with { $0.delay = 20 } }, glance: SessionTests.good)
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context(.milliseconds(200))) }
    #expect(error?.code == .timeout)
  }

  @Test func withoutAuthenticationThereIsNoToken() async throws {
    let cloud = try FakeCloud(authenticated: false, glance: SessionTests.good)
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locationsShown)
    #expect(cloud.server.requests.allSatisfy { $0.headers["x-auth-token"] == nil })
  }

  @Test(arguments: ["/image", "/image/", "/image/v2", "/image/v2/"]) func anEndpointMayNameTheVersion(path: String) async throws {
    let cloud = try FakeCloud(catalogPath: path, glance: SessionTests.good)
    _ = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
  }

  @Test func aRegionThatIsNotThereIsToldWithThoseThatAre() async throws {
    let cloud = try FakeCloud(change: { $0.region = "R9" }, glance: SessionTests.good)
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .configuration)
    #expect(error?.description.contains("R9") == true && error?.description.contains("R1/public") == true)
  }

  @Test func anInterfaceThatIsNotThereIsTold() async throws {
    let cloud = try FakeCloud(change: { $0.interface = .admin }, glance: SessionTests.good)
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .configuration)
  }

  @Test func secretsAreInNoDescription() async throws {
    let cloud = try FakeCloud(glance: SessionTests.good)
    let session = try cloud.glance.session.orThrow()
    let token = try await session.token(cloud.context())
    for subject in [cloud.glance.cloud as Any, token as Any, Secret(FakeCloud.password) as Any] {
      var dumped = ""
      dump(subject, to: &dumped)
      for text in ["\(subject)", String(reflecting: subject), dumped] {
        #expect(!text.contains(FakeCloud.password) && !text.contains("token-1"))
      }
    }
  }
}
