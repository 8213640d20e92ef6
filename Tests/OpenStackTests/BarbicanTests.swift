import FaultServer
import Model
import OpenStack
import Runtime
import Testing

/// Certificates from a fake Barbican.
@Suite(.timeLimit(.minutes(5))) struct BarbicanTests {
  static let uuid = "2f2bdc48-0b4b-4d7c-9a51-4c1a4c1c7f4b"

  static func secret(_ kind: String = "certificate", _ type: String = "application/octet-stream") -> FaultReply {
    .json(
      """
      {"name":null,"status":"ACTIVE","secret_type":"\(kind)","algorithm":null,"content_types":{"default":"\(type)"},
      "secret_ref":"http://127.0.0.1/v1/secrets/\(uuid)"}
      """)
  }

  static func cloud(_ description: FaultReply, _ payload: FaultReply = FaultReply(200, body: Array("PEM".utf8))) throws -> FakeCloud {
    try FakeCloud(glance: { ask in
      switch ask.path {
      case "/v1/secrets/\(uuid)": description
      case "/v1/secrets/\(uuid)/payload": ask.request.headers["accept"] == "application/octet-stream" ? payload : FaultReply(406)
      default: FaultReply(404)
      }
    })
  }

  @Test func twoRequestsBringAPayload() async throws {
    let cloud = try Self.cloud(Self.secret())
    let barbican = BarbicanClient(beside: cloud.glance)
    #expect(try await barbican.certificate(Self.uuid, context: cloud.context()) == Array("PEM".utf8))
    let asked = cloud.server.requests.filter { $0.path.hasPrefix("/image/v1/") }
    #expect(asked.count == 2)
    #expect(asked.allSatisfy { $0.headers["x-auth-token"] == "token-1" })
    #expect(asked.first?.headers["accept"] == "application/json")
  }

  @Test func aCallersTokenIsUsed() async throws {
    let cloud = try Self.cloud(Self.secret())
    let barbican = BarbicanClient(beside: cloud.glance)
    _ = try await barbican.certificate(Self.uuid, token: Secret("theirs"), context: cloud.context())
    let asked = cloud.server.requests.filter { $0.path.hasPrefix("/image/v1/") }
    #expect(asked.count == 2 && asked.allSatisfy { $0.headers["x-auth-token"] == "theirs" })
  }

  @Test(arguments: [404, 403, 406, 400]) func whatIsNotShownIsNoCertificate(status: Int) async throws {
    for replies in [(FaultReply(status), FaultReply(200)), (Self.secret(), FaultReply(status))] {
      let cloud = try Self.cloud(replies.0, replies.1)
      let barbican = BarbicanClient(beside: cloud.glance)
      let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
      #expect(error?.code == .certificateUnusable)
    }
  }

  @Test(arguments: [("opaque", "application/octet-stream"), ("private", "application/octet-stream"), ("certificate", "text/plain")])
  func anotherKindOfSecretIsNoCertificate(kind: String, type: String) async throws {
    let cloud = try Self.cloud(Self.secret(kind, type))
    let barbican = BarbicanClient(beside: cloud.glance)
    let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
    #expect(error?.code == .certificateUnusable)
  }

  @Test func nonsenseIsNoCertificate() async throws {
    for reply in [FaultReply(200, body: Array("<html>".utf8)), .json("{}"), .json("[]"), .json(#"{"secret_type":"certificate"}"#)] {
      let cloud = try Self.cloud(reply)
      let barbican = BarbicanClient(beside: cloud.glance)
      let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
      #expect(error?.code == .certificateUnusable)
    }
  }

  @Test(arguments: [500, 503, 401]) func aServiceThatFailsIsUnavailable(status: Int) async throws {
    let cloud = try Self.cloud(FaultReply(status))
    let barbican = BarbicanClient(beside: cloud.glance)
    let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
    #expect(error?.code == .certificateServiceUnavailable)
    #expect(error?.code.exitCode == 5)
  }

  @Test func aServiceThatIsNotThereIsUnavailable() async throws {
    let cloud = try FakeCloud(change: { $0.keyManagerEndpoint = "http://127.0.0.1:9" }, glance: { _ in FaultReply(404) })
    let barbican = BarbicanClient(beside: cloud.glance)
    let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
    #expect(error?.code == .certificateServiceUnavailable)
  }

  @Test func withoutAuthenticationAndEndpointThereIsNone() async throws {
    let cloud = try FakeCloud(authenticated: false, glance: { _ in FaultReply(404) })
    let barbican = BarbicanClient(beside: cloud.glance)
    let error = await failure { try await barbican.certificate(Self.uuid, context: cloud.context()) }
    #expect(error?.code == .certificateUnusable)
    #expect(error?.hint?.contains("trust.certificates") == true)
  }
}
