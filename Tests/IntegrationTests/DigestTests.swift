import Foundation
import Testing

/// What the image service says of the bytes is held against them, by whichever route they came.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DigestTests {
  static let wrong = "sha256:" + String(repeating: "5", count: 64)

  func sha256(_ file: String) async throws -> String {
    "sha256:" + (try await Compare.tool("sha256sum", file)).prefix { $0 != " " }
  }

  @Test(arguments: Way.allCases) func otherBytesThanTheDigestSaysAreNotPublished(way: Way) async throws {
    let image = try await Images.shared.twice("corrupt-hash")
    let host = try way.host()
    for format in ["qcow2", "raw"] {
      let error = try await host.run("fetch", image.id, "--format", format).failed(4, "digest_mismatch")
      #expect(error["retry"].text == "never")
      #expect(error["object"].text == image.id)
      host.expectEmptyStore()
    }
    for target in ["qcow2", "raw"] {
      let disk = host.diskName()
      try await host.run("disk", "create", disk, "--image", image.id, "--target", target).failed(4, "digest_mismatch")
      try await host.run("disk", "show", disk).failed(3, "disk_not_found")
    }
    host.expectEmptyStore()
  }

  @Test func afterAMismatchOneMoreSourceIsTried() async throws {
    let image = try await Images.shared.twice("corrupt-hash")
    let host = try Host { settings, _ in settings.roots = [try Stack.current().text("stores", "local", "path")] }
    let ending = try await host.run("fetch", image.id)
    try ending.failed(4, "digest_mismatch")
    let failed = ending.errors.split(separator: "\n").filter { $0.contains("a source failed") }
    #expect(failed.count == 2, "\(ending.errors)")
    #expect(!ending.errors.contains("route=download"), "there was a third, and it was not asked")
    host.expectEmptyStore()
  }

  @Test(arguments: Way.allCases) func aDigestThatIsStillPendingIsNoMismatch(way: Way) async throws {
    let image = try await Images.shared.twice("null-hash")
    let host = try way.host()
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == way.rawValue)
    #expect(fetched["evidence"]["digest"].text == "pending")
    #expect(fetched["evidence"]["expected"] == .null)
    #expect(fetched["evidence"]["computed"].text?.hasPrefix("sha512:") == true, "ours is kept, for when theirs is known")
    try await Compare.same(#require(fetched["path"].text), image.file)
    #expect(try await host.run("fetch", image.id, "--format", "raw").succeeded()["outcome"].text == "hit")
  }

  @Test(arguments: Way.allCases) func anImageWithoutAnyDigestIsTakenAndSaidToHaveNone(way: Way) async throws {
    let image = try await Images.shared.twice("no-digest")
    let host = try way.host()
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == way.rawValue)
    #expect(fetched["evidence"]["digest"].text == "none")
    #expect(try await fetched["evidence"]["computed"].text == sha256(image.file))
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test(arguments: Way.allCases) func theChecksumCountsWhereNothingBetterIsTold(way: Way) async throws {
    let image = try await Images.shared.twice("md5-only")
    let host = try way.host()
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == way.rawValue)
    #expect(fetched["evidence"]["digest"].text == "matched")
    #expect(fetched["evidence"]["expected_from"].text == "checksum")
    #expect(fetched["evidence"]["expected"] == .string("md5:" + (image.document["checksum"].text ?? "")))
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test func aWrongChecksumIsAMismatch() async throws {
    let image = try await Images.fresh()
    try await Images.glance("md5-only", image.id)
    try await Images.glance("corrupt-hash", image.id)
    let host = try Host()
    try await host.run("fetch", image.id).failed(4, "digest_mismatch")
    host.expectEmptyStore()
  }

  @Test(arguments: ["no-digest", "null-hash"]) func aTypedDigestStandsWhereTheServiceHasNone(verb: String) async throws {
    let image = try await Images.shared.twice(verb)
    let host = try Host()
    try await host.run("fetch", image.id, "--digest", Self.wrong).failed(4, "digest_mismatch")
    host.expectEmptyStore()
    let right = try await sha256(image.file)
    let fetched = try await host.run("fetch", image.id, "--digest", right).succeeded()
    #expect(fetched["evidence"]["expected_from"].text == "request")
    #expect(fetched["evidence"]["expected"].text == right)
  }

  @Test func aTypedDigestIsHeldBesideTheServicesOwn() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await host.run("fetch", image.id, "--digest", Self.wrong).failed(4, "digest_mismatch")
    host.expectEmptyStore()
    let right = try await sha256(image.file)
    try await host.run("fetch", image.id, "--digest", right).succeeded()
    // The base that is here was verified against the service's digest, which says nothing of this one.
    try await host.run("fetch", image.id, "--digest", Self.wrong).failed(4, "digest_mismatch")
    #expect(host.stored("bases").count == 1, "what is there was right before and is right now")
  }

  @Test(arguments: ["no-digest", "null-hash"]) func aDigestMayBeRequired(verb: String) async throws {
    let image = try await Images.shared.twice(verb)
    let open = try Host()
    try await open.run("fetch", image.id, "--format", "raw").succeeded()
    // The store has it, verified against nothing: that is no hit for who wants a digest.
    let strict = try open.reconfigured { settings, _ in settings.more = ["trust: { digest: required }"] }
    try await strict.run("fetch", image.id, "--format", "raw").failed(4, "digest_required")
    let disk = strict.diskName()
    try await strict.run("disk", "create", disk, "--image", image.id, "--target", "raw").failed(4, "digest_required")
    let right = try await sha256(image.file)
    let fetched = try await strict.run("fetch", image.id, "--format", "raw", "--digest", right).succeeded()
    #expect(fetched["evidence"]["digest"].text == "matched")
  }

  @Test func aChecksumIsADigest() async throws {
    let image = try await Images.shared.twice("md5-only")
    let host = try Host { settings, _ in settings.more = ["trust: { digest: required }"] }
    try await host.run("fetch", image.id).succeeded()
  }

  @Test func aSizeThatTheServiceHasWrongIsAMismatch() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await Images.glance("size", image.id, String((3 << 20) - 4096))
    let plan = try await host.run("plan", image.id, "--target", "qcow2").succeeded()
    #expect(plan["candidates"].list.first?["reason"].text == "size_mismatch")
    // Glance cuts off what it sends, or fails: neither is the image.
    let cut = try await host.run("fetch", image.id)
    #expect([4, 5].contains(cut.status), "\(cut.output)")
    host.expectEmptyStore()
    // Or it says more than it sends, and the rest never comes.
    try await Images.glance("size", image.id, String((3 << 20) + 4096))
    try await host.run("fetch", image.id, "--deadline", "6s").failed(5, "timeout")
    host.expectEmptyStore()
  }
}
