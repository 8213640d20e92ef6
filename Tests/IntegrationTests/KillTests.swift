import Foundation
import Runtime
import Testing

/// SIGKILL at many seeded moments: what is left is whole, or nobody sees it, and the next request has its way.
@Suite(.serialized, .timeLimit(.minutes(10))) struct KillTests {
  /// Runs `words` so often, each time killed at another moment of the time that a whole run takes, and looks at what each left, several at once.
  func kills(
    _ rounds: Int, seed: UInt64, of host: Host, atOnce: Int = 1, _ words: (Int) -> [String],
    look: @escaping @Sendable (Int) async throws -> Void
  ) async throws {
    // How long a whole run takes here and now; what it made is looked at as if it had been killed after its end.
    let whole = try await host.start(words(0)).wait()
    try whole.succeeded()
    try await look(0)
    var random = SplitMix(state: seed)
    for first in stride(from: 1, through: rounds, by: atOnce) {
      let chunk = first..<min(first + atOnce, rounds + 1)
      for round in chunk {
        let program = try host.start(words(round))
        // From the first connections to shortly after the end.
        let moment = whole.seconds * Double.random(in: 0.2...1.05, using: &random)
        try await Task.sleep(for: .seconds(moment))
        kill(program.pid, SIGKILL)
        _ = try await program.wait()
      }
      try await withThrowingTaskGroup { group in
        for round in chunk { group.addTask { try await look(round) } }
        try await group.waitForAll()
      }
    }
  }

  @Test func aCloneThatIsKilledIsTakenOverOrDeleted() async throws {
    let image = try await Images.fresh()
    let host = try Host { settings, _ in settings.target = "rbd" }
    let names = (0...24).map { _ in host.diskName() }
    @Sendable func words(_ round: Int) -> [String] { ["disk", "create", names[round], "--image", image.id, "--size", "8M"] }
    let left = Locked<Set<String>>([])
    // What a killed process watched is free after half a minute, so that is waited for side by side.
    try await kills(24, seed: 31, of: host, atOnce: 12, words) { round in
      let name = names[round]
      let shown = try await host.run("disk", "show", name)
      if shown.status == 0, try shown.document()["state"].text == "ready" {
        #expect(try await Compare.rbd("vms/\(name)", host.stack)["size"].int == 8 << 20, "ready is whole")
        left.with { _ = $0.insert("ready") }
      } else {
        let word = try await exists(name, host) ? "half" : "nothing"
        left.with { _ = $0.insert(word) }
      }
      if round % 2 == 0 {
        let again = try await host.start(words(round)).wait().succeeded()
        #expect(again["state"].text == "ready")
        let copy = try await Compare.exported("vms/\(name)", host.stack, to: host.scratch.file("export-\(round)"))
        try await Compare.guest(copy, "raw", image.file, "raw")
      }
      // One that was made to the end is a disk, and in use until the OSD gives its killed maker's watch up: half a minute.
      let end = ContinuousClock.now + .seconds(60)
      var deletion = try await host.run("disk", "delete", name)
      while deletion.status == 7, ContinuousClock.now < end {
        try await Task.sleep(for: .seconds(1))
        deletion = try await host.run("disk", "delete", name)
      }
      try deletion.succeeded()
      #expect(try await !exists(name, host), "an image is left")
      let objects = try await Compare.tool("rados", "-c", host.stack.text("ceph", "admin_conf"), "-p", "vms", "ls")
      #expect(!objects.contains("slipway.disk.\(name)"), "a claim is left")
      try await host.run("disk", "delete", name).succeeded()
    }
    // Else the moments were none.
    let seen = left.with { $0 }
    #expect(seen.isSuperset(of: ["ready", "nothing"]), "\(seen)")
  }

  func exists(_ name: String, _ host: Host) async throws -> Bool {
    try await Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "ls", "vms").split(separator: "\n").contains { $0 == name }
  }

  @Test func anOverlayThatIsKilledIsWholeOrNotThere() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await host.run("fetch", image.id).succeeded()
    let names = (0...24).map { _ in host.diskName() }
    @Sendable func words(_ round: Int) -> [String] {
      ["disk", "create", names[round], "--image", image.id, "--size", "64M", "--target", "qcow2"]
    }
    let directory = host.scratch.file("disks")
    try await kills(24, seed: 32, of: host, words) { round in
      let path = "\(directory)/\(names[round]).qcow2"
      func expectWhole() async throws {
        #expect(try await Compare.info(path)["virtual-size"].int == 64 << 20)
        try await Compare.guest(path, "qcow2", image.file, "raw")
      }
      if FileManager.default.fileExists(atPath: path) { try await expectWhole() }
      let shown = try await host.run("disk", "show", names[round])
      if shown.status == 0, try shown.document()["state"].text == "ready" { #expect(FileManager.default.fileExists(atPath: path)) }
      if round % 2 == 0 {
        #expect(try await host.start(words(round)).wait().succeeded()["state"].text == "ready")
        try await expectWhole()
      }
      try await host.run("disk", "delete", names[round]).succeeded()
      #expect(!FileManager.default.fileExists(atPath: path))
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(left == [".slipway"])
    let hidden = try FileManager.default.contentsOfDirectory(atPath: directory + "/.slipway")
    #expect(hidden.allSatisfy { $0.hasSuffix(".lock") }, "\(hidden)")
    #expect(host.stored("bases").count == 1)
    #expect(host.stored("leases").isEmpty)
  }

  @Test func aFlatDiskThatIsKilledIsWholeOrNotThere() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await host.run("fetch", image.id, "--format", "raw").succeeded()
    let names = (0...12).map { _ in host.diskName() }
    try await kills(12, seed: 33, of: host) {
      ["disk", "create", names[$0], "--image", image.id, "--size", "32M", "--target", "raw"]
    } look: { round in
      let path = host.scratch.file("disks") + "/\(names[round]).raw"
      if FileManager.default.fileExists(atPath: path) { try await Compare.guest(path, "raw", image.file, "raw") }
      let again = try await host.run("disk", "create", names[round], "--image", image.id, "--size", "32M", "--target", "raw").succeeded()
      #expect(again["state"].text == "ready")
      try await Compare.guest(path, "raw", image.file, "raw")
      try await host.run("disk", "delete", names[round]).succeeded()
    }
  }

  @Test func aFetchThatIsKilledLeavesAWholeBaseOrNothing() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await kills(16, seed: 34, of: host) { _ in
      ["fetch", image.id]
    } look: { _ in
      for name in host.stored("bases") { try await Compare.guest("\(host.store)/bases/\(name)", "qcow2", image.file, "raw") }
      // The next one to come sweeps, and finds it or brings it.
      let answer = try await host.run("fetch", image.id).succeeded()
      try await Compare.guest(try #require(answer["path"].text), "qcow2", image.file, "raw")
      #expect(host.stored("tmp").isEmpty)
      #expect(host.stored("bases").count == 1)
      try await host.run("cache", "purge", image.id).succeeded()
      #expect(host.stored("bases").isEmpty)
    }
  }
}
