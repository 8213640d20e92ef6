import FaultServer
import Model
import OpenStack
import Testing

@Suite(.timeLimit(.minutes(5))) struct LocationTests {
  static let rbd = "rbd://f/images/i/snap"

  @Test func theLocationsAPIComesFirst() async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/locations")
        ? .json(#"[{"url":"rbd://f/images/i/snap","metadata":{"store":"ceph"}},{"metadata":{}},{"url":"file:///x","metadata":{}}]"#)
        : .json(FakeCloud.image())
    }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations == [Location(url: LocationTests.rbd, store: "ceph"), Location(url: "file:///x")])
    #expect(image.locationsShown)
  }

  @Test(arguments: [403, 404, 405, 501]) func withoutTheAPITheImagesOwnCount(status: Int) async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/locations")
        ? FaultReply(status)
        : .json(
          FakeCloud.image(#""direct_url":"file:///b","locations":[{"url":"rbd://f/images/i/snap","metadata":{}},{"url":"file:///b"}],"#))
    }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations.map(\.url) == [LocationTests.rbd, "file:///b"])
    #expect(image.locationsShown)
  }

  @Test func aDirectURLAloneIsALocation() async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/locations") ? FaultReply(404) : .json(FakeCloud.image(#""direct_url":"rbd://f/images/i/snap","#))
    }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations.map(\.url) == [LocationTests.rbd])
    #expect(image.locationsShown)
  }

  @Test func duplicatesAreThereOnce() async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/locations")
        ? .json(#"[{"url":"rbd://f/images/i/snap","metadata":{"store":"a"}},{"url":"rbd://f/images/i/snap","metadata":{}}]"#)
        : .json(FakeCloud.image(#""direct_url":"rbd://f/images/i/snap","#))
    }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations == [Location(url: LocationTests.rbd, store: "a")])
  }

  @Test(arguments: ["", #""locations":[],"#]) func nothingShownIsSaid(extra: String) async throws {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/locations") ? FaultReply(403) : .json(FakeCloud.image(extra)) }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations.isEmpty && !image.locationsShown)
  }

  @Test func anEmptyAnswerOfTheAPIIsShown() async throws {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/locations") ? .json("[]") : .json(FakeCloud.image()) }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.locations.isEmpty && image.locationsShown)
  }

  @Test func visibilityIsAskedWithTheCallersTokenAndLocationsWithOurs() async throws {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/locations") ? .json("[]") : .json(FakeCloud.image()) }
    _ = try await cloud.glance.image(id: FakeCloud.id, token: Secret("callers"), context: cloud.context())
    let asked = cloud.server.requests.filter { $0.path.hasPrefix("/image") }
    #expect(asked.map { $0.headers["x-auth-token"] } == ["callers", "token-1"])
  }

  @Test func whatTheCallerMayNotSeeIsNotFoundThoughWeMay() async throws {
    let cloud = try FakeCloud { ask in ask.token == "callers" ? FaultReply(404) : .json(FakeCloud.image()) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, token: Secret("callers"), context: cloud.context()) }
    #expect(error?.code == .imageNotFound)
    #expect(cloud.server.requests.filter { $0.path.hasPrefix("/image") }.count == 1)
  }

  @Test func whatTheCallerIsNotToldWeAskForOurselves() async throws {
    let cloud = try FakeCloud { ask in
      if ask.path.hasSuffix("/locations") { return FaultReply(403) }
      return .json(FakeCloud.image(ask.token == "callers" ? "" : #""direct_url":"rbd://f/images/i/snap","#))
    }
    let image = try await cloud.glance.image(id: FakeCloud.id, token: Secret("callers"), context: cloud.context())
    #expect(image.locations.map(\.url) == [LocationTests.rbd])
  }

  @Test func aRefusedAPIIsNotAskedForEachImage() async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/locations") ? FaultReply(403) : .json(FakeCloud.image(#""direct_url":"rbd://f/images/i/snap","#))
    }
    for _ in 0..<3 { _ = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(cloud.server.requests.filter { $0.path.hasSuffix("/locations") }.count == 1)
  }

  @Test func anOutageOfTheAPIIsNoReasonToDownload() async throws {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/locations") ? FaultReply(503) : .json(FakeCloud.image()) }
    let error = await failure { try await cloud.glance.image(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == .imageServiceUnavailable)
  }

  @Test func aHitAsksNothingOfLocations() async throws {
    let cloud = try FakeCloud { _ in .json(FakeCloud.image()) }
    _ = try await cloud.glance.image(id: FakeCloud.id, locations: false, context: cloud.context())
    #expect(cloud.server.requests.filter { $0.path.hasPrefix("/image") }.count == 1)
  }

  @Test func anImageWithoutDataIsNotAskedForLocations() async throws {
    let cloud = try FakeCloud { _ in .json(FakeCloud.image(status: "queued")) }
    let image = try await cloud.glance.image(id: FakeCloud.id, context: cloud.context())
    #expect(image.status == .queued)
    #expect(cloud.server.requests.filter { $0.path.hasPrefix("/image") }.count == 1)
  }
}
