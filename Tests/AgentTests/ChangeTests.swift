import Crypto
import Disks
import FaultServer
import Foundation
import Model
import Runtime
import Testing

@testable import Agent

/// Sources that change while they are read, and secrets on the way.
@Suite(.timeLimit(.minutes(1))) struct ChangeTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  @Test func aFileThatIsWrittenToWhileItIsReadMakesNoBase() async throws {
    let file = "\(bed.path)/image.raw"
    try Data(Bed.bytes(4 << 20)).write(to: URL(fileURLWithPath: file))
    try await bed.withAgent { agent in
      let begun = Handoff<Void>()
      let (request, context) = (
        bed.typed(file), bed.watched { if $0.phase == .transferring, $0.position > 0 { begun.fulfill(.success(())) } }
      )
      let work = Task {
        // One that ends before it began is waited for no longer.
        defer { begun.fulfill(.success(())) }
        _ = try await agent.fetch(request, format: nil, rate: RateLimit(bytesPerSecond: 4 << 20), context: context)
      }
      try await begun.value()
      let handle = try #require(FileHandle(forUpdatingAtPath: file))
      try handle.write(contentsOf: Data([0xFF]))
      try handle.close()
      let error = await #expect(throws: SlipwayError.self) { try await work.value }
      #expect(error?.code == .sourceFailed)
    }
    #expect(bed.names("bases").isEmpty)
    #expect(bed.names("tmp").isEmpty)
  }

  @Test func aURLThatChangesBetweenTheLookAndTheReadMakesNoBase() async throws {
    let server = try FaultServer { request in
      FaultReply(200, [("ETag", request.method == "HEAD" ? "\"a\"" : "\"b\"")], body: Bed.bytes())
    }
    #expect(await bed.refusal(bed.typed("\(server.url)/i")) == .sourceFailed)
    #expect(bed.names("bases").isEmpty)
    server.stop()
  }

  @Test func aURLWithAnEntityTagIsAHitUntilItChanges() async throws {
    let tag = Locked("\"a\"")
    let server = try FaultServer { _ in FaultReply(200, [("ETag", tag.with { $0 })], body: Bed.bytes()) }
    let first = try await bed.fetch(bed.typed("\(server.url)/i"))
    let second = try await bed.fetch(bed.typed("\(server.url)/i"))
    #expect(second.route == nil)
    #expect(second.path == first.path)
    tag.with { $0 = "\"b\"" }
    let third = try await bed.fetch(bed.typed("\(server.url)/i"))
    #expect(third.route == .download)
    tag.with { $0 = "W/\"c\"" }
    let (weak, again) = (try await bed.fetch(bed.typed("\(server.url)/i")), try await bed.fetch(bed.typed("\(server.url)/i")))
    #expect(weak.path != again.path, "a weak tag may stand for bytes that differ")
    server.stop()
  }

  @Test func noPasswordAndNoTokenIsLoggedOrTold() async throws {
    let server = try FaultServer { _ in FaultReply(500) }
    let url = server.url.replacingOccurrences(of: "http://", with: "http://me:pass-word@") + "/i?signature=sig-nature"
    let error = await #expect(throws: SlipwayError.self) { _ = try await bed.fetch(bed.typed(url)) }
    bed.isDown.with { $0 = true }
    let denied = await #expect(throws: SlipwayError.self) { _ = try await bed.fetch(bed.request(token: "to-ken")) }
    let told = [error, denied].map { "\(String(describing: $0)) \(String(describing: $0?.cause))" } + bed.log.with { $0 }
    for secret in ["pass-word", "sig-nature", "to-ken"] { #expect(!told.contains { $0.contains(secret) }, "\(secret) in \(told)") }
    server.stop()
  }

  @Test func aPromiseOfSpaceShrinksWithWhatIsWritten() async throws {
    let count = 8 << 20
    bed.image.with { $0?.bytes = Bed.bytes(count) }
    bed.change.with { $0 = { $0.hang = 6 << 20 } }
    try await bed.withAgent { agent in
      let (request, context) = (try bed.request(), bed.context)
      let work = Task { try await agent.fetch(request, format: nil, context: context) }
      var promised: [Int] = []
      // Patiently: it is looked at once a second, and the machine may be busy.
      for _ in 0..<600 where promised.last.map({ $0 > 3 << 20 }) ?? true {
        try await Task.sleep(for: .milliseconds(50))
        let sizes = bed.names("tmp").compactMap { name in
          (try? FileManager.default.attributesOfItem(atPath: "\(bed.path)/store/tmp/\(name)"))?[.size] as? Int
        }
        if let size = sizes.max(), size > 0 { promised.append(size) }
      }
      let last = try #require(promised.last)
      #expect(promised.allSatisfy { $0 <= count })
      #expect((1...3 << 20).contains(last), "promised at last: \(last)")
      work.cancel()
      _ = await work.result
    }
    #expect(bed.names("tmp").isEmpty)
  }

  @Test func noMoreImagesAreMovedAtOnceThanAllowed() async throws {
    let (first, second) = (
      try FaultServer { _ in FaultReply(200, [("ETag", "\"a\"")], body: Bed.bytes()).with { $0.hang = 1000 } },
      try FaultServer { _ in FaultReply(200, [("ETag", "\"a\"")], body: Bed.bytes()) }
    )
    try await bed.withAgent("limits: { transfers: 1 }") { agent in
      let (one, two, context) = (bed.typed("\(first.url)/i"), bed.typed("\(second.url)/i"), bed.context)
      let hanging = Task { try await agent.fetch(one, format: nil, context: context) }
      while !first.requests.contains(where: { $0.method == "GET" }) { try await Task.sleep(for: .milliseconds(10)) }
      let waiting = Task { try await agent.fetch(two, format: nil, context: context) }
      try await Task.sleep(for: .milliseconds(500))
      #expect(!second.requests.contains { $0.method == "GET" })
      hanging.cancel()
      _ = await hanging.result
      #expect(try await waiting.value.route == .download)
    }
    first.stop()
    second.stop()
  }

  @Test(arguments: [403, 405, 501]) func aURLThatAllowsGETAloneIsLookedAtWithGET(_ status: Int) async throws {
    let server = try FaultServer { request in
      if request.method == "HEAD" { return FaultReply(status) }
      guard request.headers["range"] == "bytes=0-0" else { return FaultReply(200, [("ETag", "\"a\"")], body: Bed.bytes()) }
      return FaultReply(206, [("ETag", "\"a\""), ("Content-Range", "bytes 0-0/300000")], body: [Bed.bytes()[0]])
    }
    let first = try await bed.fetch(bed.typed("\(server.url)/i"))
    let second = try await bed.fetch(bed.typed("\(server.url)/i"))
    #expect(first.route == .download)
    #expect(second.route == nil)
    server.stop()
  }

  @Test(arguments: [(401, ErrorCode.permissionDenied), (404, .sourceNotFound), (500, .sourceFailed)])
  func aURLThatGivesNothingSaysWhy(_ status: Int, _ code: ErrorCode) async throws {
    let server = try FaultServer { _ in FaultReply(status) }
    #expect(await bed.refusal(bed.typed("\(server.url)/i")) == code)
    server.stop()
  }

  @Test func sizesFromOutsideDoNotOverflow() {
    #expect([Int64.max, 1, 5].saturatingSum == .max)
    #expect([Int64(2), 3].saturatingSum == 5)
  }

  @Test func theSameNameForAnotherHiddenPartOfAURLIsAConflict() async throws {
    let server = try FaultServer { request in FaultReply(200, [("ETag", "\"\(request.path)\"")], body: Bed.bytes()) }
    try await bed.withAgent { agent in
      func make(_ query: String) async throws -> DiskAnswer {
        try await agent.createDisk(
          DiskName("a"), from: bed.typed("\(server.url)/i?image=\(query)"), target: .qcow2, size: nil, context: bed.context)
      }
      let first = try await make("one")
      #expect(!first.info.record.request.image.contains("one"), "the query may be a signature")
      #expect(try await make("one").outcome == .existing)
      let error = await #expect(throws: SlipwayError.self) { _ = try await make("two") }
      #expect(error?.code == .nameConflict)
    }
    server.stop()
  }
}
