import FaultServer
import Model
import OpenStack
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProbeTests {
  private func cloud(
    roles: [String] = ["service"], versions: [String] = ["v2.9", "v2.17", "v2.2"], empty: Bool = false, locations: Int = 200
  ) throws
    -> FakeCloud
  {
    try FakeCloud(roles: roles) { ask in
      if ask.path == "/versions" {
        return .json(#"{"versions":[\#(versions.map { #"{"id":"\#($0)","status":"SUPPORTED"}"# }.joined(separator: ","))]}"#)
      }
      if ask.path.hasSuffix("/locations") { return .json("[]", status: locations) }
      return .json(#"{"images":[\#(empty ? "" : FakeCloud.image())]}"#)
    }
  }

  @Test func aServiceAccountSeesLocations() async throws {
    let cloud = try cloud()
    let probe = try await cloud.glance.probe(context: cloud.context())
    #expect(probe.versions == ["2.17", "2.9", "2.2"])
    #expect(probe.hasLocationsAPI && probe.hasServiceRole && probe.locations == .shown)
    #expect(probe.roles == ["service"] && probe.user == "agent" && probe.project == "service")
  }

  @Test func locationsThatAreHiddenAreSaid() async throws {
    let cloud = try cloud(roles: ["member"], locations: 403)
    let probe = try await cloud.glance.probe(context: cloud.context())
    #expect(!probe.hasServiceRole && probe.locations == .hidden)
  }

  @Test(arguments: [
    (["v2.17"], ["service"], true), (["v2.16"], ["service"], false), (["v2.17"], ["reader"], false), (["v3.0"], ["admin"], true),
  ])
  func withoutAnImageRolesAndVersionAreTheGuess(versions: [String], roles: [String], likely: Bool) async throws {
    let cloud = try cloud(roles: roles, versions: versions, empty: true)
    #expect(try await cloud.glance.probe(context: cloud.context()).locations == .untried(likely: likely))
  }

  @Test func whatIsNoGlanceIsSaid() async throws {
    let cloud = try FakeCloud { _ in .json("{}") }
    let error = await failure { try await cloud.glance.probe(context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
  }
}
