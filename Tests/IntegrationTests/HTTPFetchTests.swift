import FaultServer
import Foundation
import Runtime
import Testing

/// URLs that an administrator types, on a server that fails on demand.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct HTTPFetchTests {
  static let size = 3 << 20
  static let bytes: [UInt8] = {
    var random = SplitMix(state: 41)
    return (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
  }()

  /// A server that breaks the first body in its middle, unless the path says `whole`; it knows ranges, or not.
  func breaking(ranges: Bool) throws -> FaultServer {
    let bodies = Locked(0)
    let tag = [("ETag", "\"one\"")] + (ranges ? [("Accept-Ranges", "bytes")] : [])
    return try FaultServer { request in
      if request.method == "HEAD" { return FaultReply(200, tag, body: Self.bytes) }
      if ranges, let range = request.headers["range"], let first = Int(range.dropFirst("bytes=".count).prefix { $0.isNumber }) {
        return FaultReply(206, tag + [("Content-Range", "bytes \(first)-\(Self.size - 1)/\(Self.size)")], body: Array(Self.bytes[first...]))
      }
      let isFirst = bodies.with { count -> Bool in
        count += 1
        return count == 1
      }
      return FaultReply(200, tag, body: Self.bytes).with { if isFirst, !request.path.contains("whole") { $0.cut = Self.size / 2 } }
    }
  }

  func file(_ host: Host) throws -> String {
    let path = host.scratch.file("expected")
    try Data(Self.bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func aURLIsDownloaded() async throws {
    let host = try Host()
    let server = try breaking(ranges: false)
    let url = server.url + "/whole.raw"
    let fetched = try await host.run("fetch", url, "--disk-format", "raw", "--format", "raw").succeeded()
    #expect(fetched["route"].text == "download")
    #expect(fetched["evidence"]["digest"].text == "none")
    try await Compare.same(#require(fetched["path"].text), file(host))
    let hit = try await host.run("fetch", url, "--disk-format", "raw", "--format", "raw").succeeded()
    #expect(hit["outcome"].text == "hit", "the ETag says that nothing changed")
    #expect(server.requests.filter { $0.method == "GET" }.count == 1)
  }

  @Test(arguments: [true, false]) func aDownloadThatBreaksIsResumedOrBegunAgain(ranges: Bool) async throws {
    let host = try Host()
    let server = try breaking(ranges: ranges)
    let fetched = try await host.run("fetch", server.url + "/x.raw", "--disk-format", "raw", "--format", "raw").succeeded()
    try await Compare.same(#require(fetched["path"].text), file(host))
    let asked = server.requests.filter { $0.method == "GET" }
    #expect(asked.contains { $0.headers["range"] == "bytes=\(Self.size / 2)-" }, "the rest is asked for, not the whole")
    #expect(asked.count == (ranges ? 2 : 3))
    #expect(fetched["bytes"]["virtual"].int == Int64(Self.size))
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func aDownloadThatAlwaysBreaksFails() async throws {
    let host = try Host()
    let server = try FaultServer { _ in FaultReply(200, [], body: Self.bytes).with { $0.cut = 1000 } }
    try await host.run("fetch", server.url + "/x.raw", "--disk-format", "raw").failed(5, "source_failed")
    host.expectEmptyStore()
  }

  @Test func nothingAtTheURL() async throws {
    let host = try Host()
    let server = try FaultServer { _ in FaultReply(404) }
    try await host.run("fetch", server.url + "/x.raw", "--disk-format", "raw").failed(3, "source_not_found")
  }

  @Test func aTypedDigestIsHeldAgainstTheBytes() async throws {
    let host = try Host()
    let server = try breaking(ranges: false)
    let wrong = "sha256:" + String(repeating: "0", count: 64)
    let error = try await host.run("fetch", server.url + "/whole", "--disk-format", "raw", "--digest", wrong).failed(4, "digest_mismatch")
    #expect(error["retry"].text == "never")
    host.expectEmptyStore()
    let digest = try await Compare.tool("sha256sum", file(host)).prefix { $0 != " " }
    let fetched = try await host.run("fetch", server.url + "/whole", "--disk-format", "raw", "--digest", "sha256:\(digest)").succeeded()
    #expect(fetched["evidence"]["expected_from"].text == "request")
    #expect(fetched["evidence"]["digest"].text == "matched")
  }
}
