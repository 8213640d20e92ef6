import FaultServer
import Foundation
import Testing

/// Bringing images early: what is done stays done, what fails stops nothing, and a spawn goes first.
@Suite(.timeLimit(.minutes(30))) struct PrewarmTests {
  /// The outcomes by image.
  func outcomes(_ document: JSON) -> [String: String] {
    Dictionary(document["images"].list.map { ($0["image"].text ?? "", $0["outcome"].text ?? "") }) { one, _ in one }
  }

  @Test func whatAnInterruptionLeftIsBroughtByTheNextRun() async throws {
    let small = try await Images.fresh()
    let large = try await Images.shared.raw()
    let host = try Host()
    // The small one comes first; 3 MiB at this rate are twelve seconds more.
    let first = try host.start(["prewarm", large.id, small.id, "--jobs", "1", "--rate", "256K"])
    try await eventually("the small one is there") { host.stored("bases").count == 1 }
    first.interrupt()
    try await first.wait().failed(130, "cancelled")
    #expect(host.stored("bases").count == 1, "nothing that was done is lost")
    #expect(host.stored("tmp").isEmpty)
    let second = try await host.run("prewarm", large.id, small.id).succeeded()
    #expect(outcomes(second) == [small.id: "cached", large.id: "fetched"])
    #expect(second["counts"]["cached"].int == 1)
    let third = try await host.run("prewarm", large.id, small.id).succeeded()
    #expect(third["counts"]["cached"].int == 2)
    #expect(third["counts"]["fetched"].int == 0)
  }

  @Test func whatAKillLeftIsBroughtByTheNextRun() async throws {
    let small = try await Images.fresh()
    let large = try await Images.shared.raw()
    let host = try Host()
    let first = try host.start(["prewarm", large.id, small.id, "--jobs", "1", "--rate", "256K"])
    try await eventually("the small one is there") { host.stored("bases").count == 1 }
    kill(first.pid, SIGKILL)
    _ = try await first.wait()
    let second = try await host.run("prewarm", large.id, small.id).succeeded()
    #expect(outcomes(second) == [small.id: "cached", large.id: "fetched"])
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func oneThatFailsDoesNotStopTheRest() async throws {
    let image = try await Images.fresh()
    let hidden = try await Images.fresh()
    try await Images.glance("set", hidden.id, "os_hidden=true")
    let host = try Host()
    let missing = UUID().uuidString.lowercased()
    let ending = try await host.run("prewarm", missing, image.id, hidden.id)
    #expect(ending.status == 8)
    let document = try ending.document()
    #expect(outcomes(document) == [missing: "failed", image.id: "fetched", hidden.id: "skipped"])
    #expect(host.stored("bases").count == 1)
  }

  @Test func aSetOfTheConfigurationIsBroughtAndKept() async throws {
    let (listed, tagged) = (try await Images.fresh(), try await Images.fresh())
    let tag = "it-" + UUID().uuidString.lowercased()
    try await Images.glance("tag", tagged.id, tag)
    let host = try Host { settings, _ in
      settings.more += [
        "prewarm: { sets: [{ name: golden, images: [\(listed.id)], keep: 2d }, { name: marked, tag: \(tag), at_boot: true, every: 1h }] }"
      ]
    }
    let golden = try await host.run("prewarm", "--set", "golden").succeeded()
    #expect(outcomes(golden) == [listed.id: "fetched"])
    let pinned = try await host.run("cache", "list", "--pinned").succeeded()
    #expect(pinned["bases"].list.count == 1)
    let marked = try await host.run("prewarm", "--set", "marked").succeeded()
    #expect(outcomes(marked) == [tagged.id: "fetched"])
    #expect(try await host.run("cache", "list", "--pinned").succeeded()["bases"].list.count == 1, "without keep nothing is pinned")
    let error = try await host.run("prewarm", "--set", "silver").failed(2, "usage")
    #expect(error["hint"].text?.contains("golden, marked") == true)
  }

  @Test func aSpawnThatWaitsLiftsTheRateLimit() async throws {
    let file = try await Images.scratch().sparse(UUID().uuidString, size: 24 << 20, runs: [(0, 20 << 20)], seed: 77)
    let image = try await Images.upload(file, format: "raw")
    let host = try Host()
    // At this rate the image takes over five minutes, and a program that runs for 100 s is killed.
    let prewarm = try host.start(["prewarm", image.id, "--rate", "64K"])
    try await eventually("the prewarm transfers") { host.stored("locks").contains { $0.hasSuffix(".work") } }
    let spawn = try await host.run("fetch", image.id).succeeded()
    #expect(spawn["outcome"].text == "hit")
    #expect(try await prewarm.wait().succeeded()["counts"]["fetched"].int == 1)
  }

  @Test func nothingIsEvictedToMakeRoom() async throws {
    let image = try await Images.fresh()
    let file = try await Images.scratch().sparse(UUID().uuidString, size: 32 << 20, runs: [(0, 32 << 20)], seed: 78)
    let large = try await Images.upload(file, format: "raw")
    let place = try Scratch()
    let system = try SmallFileSystem(place.file("small"), kilobytes: 24 << 10)
    defer { withExtendedLifetime(system) {} }
    let host = try Host(store: system.path + "/store") { settings, _ in
      settings.more += ["clean: { min_age: 0s, unused_for: 1s, min_free: 90%, max_bytes: 1M }"]
    }
    try await host.run("fetch", image.id).succeeded()
    try await Task.sleep(for: .seconds(2))
    let ending = try await host.run("prewarm", large.id, image.id)
    #expect(ending.status == 8)
    let document = try ending.document()
    #expect(outcomes(document) == [large.id: "failed", image.id: "cached"])
    let failed = document["images"].list.first { $0["image"].text == large.id }
    #expect(failed?["error"]["code"].text == "no_space")
    #expect(host.stored("bases").count == 1)
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func maintenanceStopsPrewarming() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await host.run("maintenance", "on", "--note", "disk swap").succeeded()
    let error = try await host.run("prewarm", image.id).failed(7, "busy")
    #expect(error["message"].text?.contains("disk swap") == true)
    try await host.run("fetch", image.id).succeeded()
    try await host.run("maintenance", "off").succeeded()
    #expect(try await host.run("prewarm", image.id).succeeded()["counts"]["cached"].int == 1)
  }
}
