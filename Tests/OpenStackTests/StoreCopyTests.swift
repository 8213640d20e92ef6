import FaultServer
import HTTPClient
import Model
import OpenStack
import Runtime
import Testing

/// Copies of images to one more store of the image service.
@Suite(.timeLimit(.minutes(1))) struct StoreCopyTests {
  private func state(_ properties: String) async throws -> StoreCopy {
    let cloud = try FakeCloud { _ in
      FaultReply(200, body: Array("{\"id\":\"\(FakeCloud.imageID)\",\"status\":\"active\"\(properties)}".utf8))
    }
    return try await cloud.glance.copy(of: FakeCloud.id, to: "ceph", context: cloud.context())
  }

  @Test(
    "how far a copy is comes from what Glance writes; stores are compared whole",
    arguments: [
      (#","stores":"local,ceph""#, StoreCopy.present), (#","stores":"local,ceph2""#, .absent), ("", .absent),
      (#","stores":"local,ceph","os_glance_importing_to_stores":"ceph""#, .running),
      (#","stores":"local","os_glance_importing_to_stores":"fast,ceph","os_glance_failed_import":"""#, .running),
      (#","stores":"local","os_glance_importing_to_stores":"","os_glance_failed_import":"ceph""#, .failed),
      (#","stores":"local","os_glance_failed_import":"ceph2""#, .absent), (#","stores":"local","os_glance_import_task":"t""#, .running),
    ])
  func states(_ properties: String, _ expected: StoreCopy) async throws {
    #expect(try await state(properties) == expected)
  }

  @Test("the wish is a POST that names method and store, with our own token")
  func wish() async throws {
    let seen = Locked<[String]>([])
    let cloud = try FakeCloud { ask in
      seen.with { $0.append("\(ask.request.method) \(ask.path) \(ask.token ?? "-") \(String(decoding: ask.request.body, as: UTF8.self))") }
      return FaultReply(202)
    }
    let isBegun = try await cloud.glance.requestCopy(of: FakeCloud.id, to: "ceph", context: cloud.context())
    #expect(isBegun)
    let line = try #require(seen.with { $0.first })
    #expect(line.hasPrefix("POST /v2/images/\(FakeCloud.imageID)/import token-1 "))
    #expect(line.contains(#""copy-image""#) && line.contains(#"["ceph"]"#))
  }

  @Test("a store that there is not is told as such, one whose image is held is asked for later")
  func conflicts() async throws {
    let cloud = try FakeCloud { ask in
      ask.path.hasSuffix("/import") ? FaultReply(409) : FaultReply(200, body: Array(#"{"stores":[{"id":"ceph"}]}"#.utf8))
    }
    let context = cloud.context()
    let isBegun = try await cloud.glance.requestCopy(of: FakeCloud.id, to: "ceph", context: context)
    #expect(!isBegun)
    let error = await #expect(throws: SlipwayError.self) {
      _ = try await cloud.glance.requestCopy(of: FakeCloud.id, to: "cep", context: context)
    }
    #expect(error?.code == .configuration)
  }

  @Test("a download names the stores that it prefers")
  func prefer() async throws {
    let seen = Locked<[String]>([])
    let cloud = try FakeCloud { ask in
      seen.with { $0.append(ask.path) }
      return FaultReply(200, body: [1])
    }
    _ = try await cloud.glance.openData(id: FakeCloud.id, preferring: ["near", "a b"], context: cloud.context())
    #expect(seen.with { $0.last }?.hasSuffix("/file?prefer=near,a%20b") == true)
  }
}
