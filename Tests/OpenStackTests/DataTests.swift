import FaultServer
import HTTPClient
import Model
import OpenStack
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct DataTests {
  static let bytes = (0..<100_000).map { UInt8($0 % 251) }

  @Test func theBytesArrive() async throws {
    let cloud = try FakeCloud { ask in ask.path.hasSuffix("/file") ? FaultReply(200, body: DataTests.bytes) : FaultReply(404) }
    let data = try await cloud.glance.openData(id: FakeCloud.id, context: cloud.context())
    #expect(data.offset == 0 && data.length == 100_000)
    #expect(try await data.body.collect(upTo: 1 << 20) == DataTests.bytes)
  }

  @Test func aStoreWithRangesResumes() async throws {
    let cloud = try FakeCloud { ask in
      ask.request.headers["range"] == "bytes=40000-"
        ? FaultReply(206, [("Content-Range", "bytes 40000-99999/100000")], body: Array(DataTests.bytes[40_000...])) : FaultReply(500)
    }
    let data = try await cloud.glance.openData(id: FakeCloud.id, from: 40_000, context: cloud.context())
    #expect(data.offset == 40_000 && data.length == 60_000)
  }

  @Test(arguments: [200, 400, 416, 206, 500]) func aStoreWithoutRangesStartsAgain(status: Int) async throws {
    let cloud = try FakeCloud { ask in
      guard ask.request.headers["range"] != nil else { return FaultReply(200, body: DataTests.bytes) }
      // 206 from another place than asked is no resumption either.
      return FaultReply(status, status == 206 ? [("Content-Range", "bytes 1-2/3")] : [], body: status == 200 ? DataTests.bytes : [1, 2])
    }
    let data = try await cloud.glance.openData(id: FakeCloud.id, from: 40_000, context: cloud.context())
    #expect(data.offset == 0)
    #expect(try await data.body.collect(upTo: 1 << 20) == DataTests.bytes)
  }

  @Test(arguments: [
    (204, "", ErrorCode.sourceFailed), (404, "", .imageNotFound), (403, "not permitted", .imageServiceDenied),
    (403, "<html>The requested image has been deactivated. Image data download is forbidden.", .imageDeactivated), (410, "", .sourceFailed),
    (500, "", .imageServiceUnavailable),
  ])
  func aStatusHasItsCode(status: Int, body: String, code: ErrorCode) async throws {
    let cloud = try FakeCloud { _ in FaultReply(status, body: Array(body.utf8)) }
    let error = await failure { try await cloud.glance.openData(id: FakeCloud.id, context: cloud.context()) }
    #expect(error?.code == code)
  }

  @Test func aRefusedTokenIsRenewedForDataToo() async throws {
    let cloud = try FakeCloud { ask in ask.token == "token-1" ? FaultReply(401) : FaultReply(200, body: DataTests.bytes) }
    let data = try await cloud.glance.openData(id: FakeCloud.id, context: cloud.context())
    #expect(try await data.body.collect(upTo: 1 << 20).count == 100_000)
  }

  @Test func aShortBodyIsAnError() async throws {
    let cloud = try FakeCloud { _ in FaultReply(200, body: DataTests.bytes).with { $0.cut = 70_000 } }
    let data = try await cloud.glance.openData(id: FakeCloud.id, context: cloud.context())
    await #expect(throws: HTTPError.self) { _ = try await data.body.collect(upTo: 1 << 20) }
  }
}
