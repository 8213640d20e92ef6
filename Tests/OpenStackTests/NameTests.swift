import FaultServer
import Model
import OpenStack
import Testing

@Suite(.timeLimit(.minutes(5))) struct NameTests {
  static func uuid(_ index: Int) -> String { "00000000-0000-0000-0000-00000000000\(index)" }

  private func cloud(_ images: [String], next: String? = nil) throws -> FakeCloud {
    try FakeCloud { ask in
      if ask.path.contains("/locations") { return FaultReply(403) }
      if ask.path.contains("marker=") { return .json(#"{"images":[\#(FakeCloud.image(id: NameTests.uuid(9), name: "late"))]}"#) }
      let tail = next.map { #","next":"\#($0)""# } ?? ""
      return .json(#"{"images":[\#(images.joined(separator: ","))]\#(tail)}"#)
    }
  }

  @Test func oneImageOfThatNameIsIt() async throws {
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1), name: "a b/c&d")])
    let image = try await cloud.glance.image(named: "a b/c&d", context: cloud.context())
    #expect(image.id?.text == NameTests.uuid(1))
    #expect(cloud.server.requests[1].path.contains("name=a%20b%2Fc%26d"))
  }

  @Test func namesCompareExactly() async throws {
    // MySQL compares names without case.
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1), name: "Ubuntu"), FakeCloud.image(id: NameTests.uuid(2), name: "ubuntu")])
    #expect(try await cloud.glance.image(named: "ubuntu", context: cloud.context()).id?.text == NameTests.uuid(2))
  }

  @Test func noneIsNotFound() async throws {
    let cloud = try cloud([])
    let error = await failure { try await cloud.glance.image(named: "ubuntu", context: cloud.context()) }
    #expect(error?.code == .imageNotFound)
    #expect(error?.message.contains("ubuntu") == true)
  }

  @Test func twoAreAmbiguousAndListed() async throws {
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1)), FakeCloud.image(id: NameTests.uuid(2))])
    let error = await failure { try await cloud.glance.image(named: "ubuntu", context: cloud.context()) }
    #expect(error?.code == .ambiguousName)
    #expect(error?.description.contains(NameTests.uuid(1)) == true && error?.description.contains(NameTests.uuid(2)) == true)
  }

  @Test func furtherPagesAreRead() async throws {
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1))], next: "/v2/images?marker=x&name=late")
    #expect(try await cloud.glance.image(named: "late", context: cloud.context()).id?.text == NameTests.uuid(9))
  }

  @Test func aNextPageElsewhereIsNotFollowed() async throws {
    let other = try FaultServer { _ in .json(#"{"images":[]}"#) }
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1))], next: "@127.0.0.1:\(other.port)/v2/images?marker=x")
    _ = try await cloud.glance.image(named: "ubuntu", context: cloud.context())
    #expect(other.requests.isEmpty)
  }

  @Test func aNameThatLooksLikeAFilterIsQuoted() async throws {
    let cloud = try cloud([FakeCloud.image(id: NameTests.uuid(1), name: "in:a")])
    _ = try await cloud.glance.image(named: "in:a", context: cloud.context())
    #expect(cloud.server.requests[1].path.contains("name=in%3A%22in%3Aa%22"))
  }
}
