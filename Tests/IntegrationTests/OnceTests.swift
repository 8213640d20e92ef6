import FaultServer
import Foundation
import Runtime
import Testing

/// However many ask for an image at once, its bytes are moved once.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct OnceTests {
  @Test func processesThatFetchOneImageAtOnceTransferItOnce() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let programs = try (0..<4).map { _ in try host.start(["fetch", image.id]) }
    var outcomes: [String] = []
    var paths: Set<String> = []
    var read: [Int64] = []
    for program in programs {
      let document = try await program.wait().succeeded()
      outcomes.append(document["outcome"].text ?? "")
      paths.insert(document["path"].text ?? "")
      read.append(document["bytes"]["read"].int ?? -1)
    }
    #expect(outcomes.sorted() == ["fetched", "hit", "hit", "hit"])
    #expect(paths.count == 1)
    #expect(read.filter { $0 == 0 }.count == 3)
    #expect(host.stored("bases").count == 1)
    #expect(host.stored("tmp").isEmpty)
  }

  static let bytes = [UInt8](repeating: 9, count: 2 << 20)

  /// The first body is held back until `released`, so that the others have to wait for it.
  func slow(_ released: @escaping @Sendable () -> Bool) throws -> FaultServer {
    try FaultServer { request in
      if request.method == "GET" {
        let end = Date().addingTimeInterval(30)
        while !released(), Date() < end { usleep(10_000) }
      }
      return FaultReply(200, [("ETag", "\"one\"")], body: Self.bytes)
    }
  }

  /// Waits until `later` have asked what lies at the URL and opened the store: what they do next is to take the base's lock.
  func atTheLock(_ server: FaultServer, _ later: [Program]) async throws {
    try await eventually("the others look for the base") {
      server.requests.filter { $0.method == "HEAD" }.count == 1 + later.count && later.allSatisfy { $0.hasOpen("/catalog.sqlite") }
    }
  }

  @Test func whoComesLaterWaitsForTheTransferThatRuns() async throws {
    let host = try Host()
    let waiting = Locked(0)
    let server = try slow { waiting.with { $0 } == 1 }
    let words = ["fetch", server.url + "/x", "--disk-format", "raw"]
    let first = try host.start(words)
    try await eventually("the first asks for the body") { server.requests.contains { $0.method == "GET" } }
    let others = try (0..<2).map { _ in try host.start(words) }
    try await atTheLock(server, others)
    waiting.with { $0 = 1 }
    #expect(try await first.wait().succeeded()["outcome"].text == "fetched")
    for other in others { #expect(try await other.wait().succeeded()["outcome"].text == "hit") }
    #expect(server.requests.filter { $0.method == "GET" }.count == 1)
  }

  @Test func whenTheOneThatTransfersIsKilledAnotherTakesOver() async throws {
    let host = try Host()
    let released = Locked(0)
    let server = try slow { released.with { $0 } == 1 }
    let words = ["fetch", server.url + "/x", "--disk-format", "raw"]
    let first = try host.start(words)
    try await eventually("the first asks for the body") { server.requests.contains { $0.method == "GET" } }
    let second = try host.start(words)
    try await atTheLock(server, [second])
    kill(first.pid, SIGKILL)
    _ = try await first.wait()
    released.with { $0 = 1 }
    #expect(try await second.wait().succeeded()["outcome"].text == "fetched")
    #expect(host.stored("bases").count == 1)
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func aTransferGoesOnForThoseWhoAreLeftWhenOneIsInterrupted() async throws {
    let host = try Host()
    let released = Locked(0)
    let server = try slow { released.with { $0 } == 1 }
    let words = ["fetch", server.url + "/x", "--disk-format", "raw"]
    let first = try host.start(words)
    try await eventually("the first asks for the body") { server.requests.contains { $0.method == "GET" } }
    let second = try host.start(words)
    try await atTheLock(server, [second])
    first.interrupt()
    try await first.wait().failed(130, "cancelled")
    released.with { $0 = 1 }
    #expect(try await second.wait().succeeded()["outcome"].text == "fetched")
    #expect(host.stored("tmp").isEmpty)
  }
}
