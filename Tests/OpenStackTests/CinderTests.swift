import FaultServer
import Model
import OpenStack
import Runtime
import Testing

/// Volumes of a fake Cinder: its answers have the form of Cinder 29's.
@Suite(.timeLimit(.minutes(5))) struct CinderTests {
  static let id = "5ea5a433-b7c2-4f58-b045-448c818c1dc2"

  static func volume(_ more: String = #""os-vol-tenant-attr:tenant_id":"p9","os-vol-host-attr:host":"stack@ceph#ceph","#) -> FaultReply {
    .json(
      """
      {"volume":{\(more)"id":"\(id)","status":"available","size":1,"availability_zone":"nova","created_at":"2026-11-21T21:15:10.763186",
      "updated_at":null,"name":"x","volume_type":"__DEFAULT__","snapshot_id":null,"source_volid":null,"metadata":{"image_owner":"p1"},
      "links":[],"bootable":"false","encrypted":false,"multiattach":false,"attachments":[],"migration_status":null}}
      """)
  }

  static func cloud(_ path: String = "/image/v3", _ answer: @escaping @Sendable (FakeCloud.Ask) -> FaultReply) throws -> FakeCloud {
    try FakeCloud(catalogPath: path, glance: answer)
  }

  /// A cloud whose one volume is answered so.
  static func cloud(_ reply: FaultReply) throws -> FakeCloud {
    try cloud { $0.path == "/v3/volumes/\(id)" ? reply : FaultReply(404) }
  }

  @Test func aVolumeTellsWhatAnAdministratorIsShown() async throws {
    let cloud = try Self.cloud(Self.volume())
    let volume = try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context())
    #expect(volume.imageName == "volume-\(Self.id)" && volume.status == "available" && !volume.encrypted)
    #expect(volume.hosts == ["stack@ceph#ceph"] && volume.project == "p9" && volume.imageOwner == "p1")
    let asked = try #require(cloud.server.requests.last)
    #expect(asked.headers["openstack-api-version"] == "volume 3.61" && asked.headers["x-auth-token"] == "token-1")
  }

  @Test func aMigratedVolumeIsNamedByItsNameID() async throws {
    let other = "24a8ad7b-82bd-4e50-8c68-e0a1748f6167"
    let cloud = try Self.cloud(Self.volume(#""os-vol-mig-status-attr:name_id":"\#(other)","cluster_name":"c@ceph#ceph","#))
    let volume = try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context())
    #expect(volume.imageName == "volume-\(other)")
    #expect(volume.host == nil && volume.hosts == ["c@ceph#ceph"])
    let odd = try Self.cloud(Self.volume(#""os-vol-mig-status-attr:name_id":"../x","cluster_name":null,"#))
    #expect(try await CinderClient(beside: odd.glance).volume(Self.id, context: odd.context()).imageName == "volume-\(Self.id)")
  }

  @Test func anOlderServiceIsSpokenToAsItKnowsAndRemembered() async throws {
    let cloud = try Self.cloud { ask in
      ask.request.headers["openstack-api-version"] == nil ? Self.volume() : .json(#"{"computeFault":{"code":406}}"#, status: 406)
    }
    let cinder = CinderClient(beside: cloud.glance)
    for _ in 0..<2 { #expect(try await cinder.volume(Self.id, context: cloud.context()).host == "stack@ceph#ceph") }
    #expect(cloud.server.requests.filter { $0.path.hasPrefix("/image/v3/volumes") }.count == 3)
  }

  @Test(arguments: [("/image", "/v3/volumes"), ("/image/v3/", "/v3/volumes"), ("/image/v3/p1", "/v3/p1/volumes")])
  func theCatalogMayNameVersionAndProject(catalog: String, path: String) async throws {
    let cloud = try Self.cloud(catalog) { $0.path == "\(path)/\(Self.id)" ? Self.volume() : FaultReply(404) }
    #expect(try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context()).id == Self.id)
  }

  @Test(arguments: [
    (404, ErrorCode.sourceNotFound), (403, .permissionDenied), (401, .permissionDenied), (500, .sourceFailed), (418, .sourceFailed),
  ])
  func whatIsNotAnsweredIsToldAsWhatItIs(status: Int, code: ErrorCode) async throws {
    let cloud = try Self.cloud(FaultReply(status))
    let error = await failure { try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context()) }
    #expect(error?.code == code)
    #expect(error?.message.contains("image service") == false)
  }

  @Test func aTokenThatEndedIsRenewedOnce() async throws {
    let cloud = try Self.cloud { ask in ask.token == "token-1" ? FaultReply(401) : Self.volume() }
    #expect(try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context()).id == Self.id)
  }

  @Test func nonsenseIsNoVolume() async throws {
    let swapped = String(decoding: Self.volume().body, as: UTF8.self).replacing(Self.id, with: "24a8ad7b-82bd-4e50-8c68-e0a1748f6167")
    for reply in [
      FaultReply(200, body: Array("<html>".utf8)), .json("{}"), .json(#"{"volume":{"id":"x","status":"available"}}"#), .json(swapped),
    ] {
      let cloud = try Self.cloud(reply)
      let error = await failure { try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context()) }
      #expect(error?.code == .sourceFailed)
    }
  }

  @Test func aServiceThatHangsEndsWithTheDeadline() async throws {
    let cloud = try Self.cloud(Self.volume().with { $0.hang = 0 })
    let error = await failure { try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context(.milliseconds(300))) }
    #expect(error?.code == .timeout || error?.code == .sourceFailed)
  }

  @Test func aCloudWithoutOneSaysSo() async throws {
    let cloud = try FakeCloud(authenticated: false, glance: { _ in FaultReply(404) })
    let error = await failure { try await CinderClient(beside: cloud.glance).volume(Self.id, context: cloud.context()) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("volume service") == true)
  }

  @Test func theProbeTellsWhetherHostsAreShown() async throws {
    func probe(_ volumes: String) async throws -> (endpoint: String, version: String?, showsHosts: Bool?) {
      let cloud = try Self.cloud { ask in
        switch ask.path {
        case "/v3/": .json(#"{"versions":[{"id":"v3.0","version":"3.71","min_version":"3.0"}]}"#)
        case let path where path.hasPrefix("/v3/volumes/detail"): .json(#"{"volumes":[\#(volumes)]}"#)
        default: FaultReply(404)
        }
      }
      return try await CinderClient(beside: cloud.glance).probe(context: cloud.context())
    }
    let none = try await probe("")
    #expect(none.version == "3.71" && none.showsHosts == nil && none.endpoint.hasSuffix("/v3"))
    let plain = try await probe(#"{"id":"\#(Self.id)","status":"in-use"}"#)
    #expect(plain.showsHosts == false)
    let shown = try await probe(#"{"id":"\#(Self.id)","status":"in-use","os-vol-host-attr:host":"h@b#p"}"#)
    #expect(shown.showsHosts == true)
  }
}
