import FaultServer
import Foundation
import Runtime
import Testing

/// An image service that breaks, stalls or dies in the middle of a download.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DownloadOutageTests {
  static let id = "6f3f1d2a-5d0c-4a52-9f0e-8b5c2a7d9e11"
  static let size = 2 << 20
  static let bytes: [UInt8] = {
    var random = SplitMix(state: 43)
    return (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
  }()

  struct Bed {
    let server: FaultServer
    let host: Host
    let file: String
    var downloads: Int { server.requests.filter { $0.path.hasSuffix("/file") }.count }
  }

  /// A service without authentication that has one image without locations; `data` answers the n-th request for its bytes, from 1.
  func bed(_ data: @escaping @Sendable (Int, FaultReply) -> FaultReply) async throws -> Bed {
    let count = Locked(0)
    let scratch = try await Images.scratch()
    let file = scratch.file(UUID().uuidString)
    try Data(Self.bytes).write(to: URL(fileURLWithPath: file))
    let digest = try await Compare.tool("sha512sum", file).prefix { $0 != " " }
    let server = try FaultServer { request in
      if request.path == "/v2/images/\(Self.id)" {
        return .json(
          """
          {"id":"\(Self.id)","name":"x","status":"active","disk_format":"raw","container_format":"bare","size":\(Self.size),\
          "os_hash_algo":"sha512","os_hash_value":"\(digest)","visibility":"public","min_disk":0}
          """)
      }
      guard request.path == "/v2/images/\(Self.id)/file" else { return FaultReply(404) }
      let number = count.with { count -> Int in
        count += 1
        return count
      }
      return data(number, FaultReply(200, [], body: Self.bytes))
    }
    let host = try Host { settings, _ in settings.endpoint = server.url }
    return Bed(server: server, host: host, file: file)
  }

  @Test func aDownloadThatBreaksBeginsAgain() async throws {
    let bed = try await bed { number, whole in number == 1 ? whole.with { $0.cut = Self.size / 3 } : whole }
    let fetched = try await bed.host.run("fetch", Self.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == "download")
    #expect(fetched["evidence"]["digest"].text == "matched")
    try await Compare.same(#require(fetched["path"].text), bed.file)
    #expect(bed.host.stored("tmp").isEmpty)
  }

  @Test func aDownloadThatAlwaysBreaksIsGivenUp() async throws {
    let bed = try await bed { _, whole in whole.with { $0.cut = Self.size / 3 } }
    let error = try await bed.host.run("fetch", Self.id).failed(5, "source_failed")
    #expect(error["retry"].text == "here")
    #expect((2...20).contains(bed.downloads), "\(bed.downloads)")
    bed.host.expectEmptyStore()
  }

  @Test func aServiceThatDiesInTheMiddleOfADownload() async throws {
    let bed = try await bed { _, whole in whole.with { $0.hang = Self.size / 2 } }
    let program = try bed.host.start(["fetch", Self.id])
    try await eventually("half of it came") { bed.server.written >= Self.size / 2 }
    bed.server.stop()
    let ending = try await program.wait()
    #expect(ending.status == 5, "\(ending.output)")
    #expect(try ["source_failed", "image_service_unavailable"].contains(ending.document()["error"]["code"].text), "\(ending.output)")
    bed.host.expectEmptyStore()
  }

  @Test func aDownloadThatStallsIsAskedForAgain() async throws {
    let bed = try await bed { number, whole in number == 1 ? whole.with { $0.hang = Self.size / 2 } : whole }
    let fetched = try await bed.host.run("fetch", Self.id, "--format", "raw").succeeded()
    try await Compare.same(#require(fetched["path"].text), bed.file)
  }

  @Test func moreBytesThanTheImageHasAreNotTaken() async throws {
    let bed = try await bed { _, whole in whole.with { $0.repeats = 2 } }
    try await bed.host.run("fetch", Self.id).failed(4, "size_mismatch")
    bed.host.expectEmptyStore()
  }

  @Test func fewerBytesThanTheImageHasAreNotTaken() async throws {
    let bed = try await bed { _, _ in FaultReply(200, [], body: Array(Self.bytes.dropLast(4096))) }
    let ending = try await bed.host.run("fetch", Self.id)
    #expect([4, 5].contains(ending.status), "\(ending.output)")
    bed.host.expectEmptyStore()
  }

  @Test func dataThatIsForbiddenOrGone() async throws {
    for (status, exit, code) in [(403, Int32(5), "image_service_denied"), (404, 3, "image_not_found"), (204, 5, "source_failed")] {
      let bed = try await bed { _, _ in FaultReply(status) }
      try await bed.host.run("fetch", Self.id).failed(exit, code)
      bed.host.expectEmptyStore()
    }
  }
}
