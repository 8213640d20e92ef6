import Foundation
import Testing

/// Several pools for bases, and what becomes of a base that is to go while disks stand on it.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct PoolTierTests {
  /// A raw image that only its bytes can be had of: a base must be made.
  private func image(_ options: String...) async throws -> Uploaded { try await Images.fresh("--store", "local") }

  private func expectSame(_ disk: String, _ host: Host, _ image: Uploaded) async throws {
    let copy = try await Compare.exported("vms/\(disk)", host.stack, to: host.scratch.file(UUID().uuidString))
    try await Compare.guest(copy, "raw", image.file, "raw")
  }

  @Test func aRuleChoosesThePoolAndAHitIsFoundInAny() async throws {
    try await OwnPool.with { rest in
      try await OwnPool.with { fast in
        let host = try rest.host(limits: ", tiers: [{ name: fast, pool: \(fast.name), max_image: 1G, max_count: 1 }]")
        let (first, second, third) = (try await image(), try await image(), try await image())
        let disks = (0..<4).map { _ in host.diskName() }
        let made = try await host.run("disk", "create", disks[0], "--image", first.id, "--target", "rbd").succeeded()
        #expect(made["base"].text?.hasPrefix(fast.name + "/") == true)
        #expect(try await rest.images() == [])
        try await expectSame(disks[0], host, first)
        // Asked for by name, and found in the other tier: used where it lies.
        let asked = try await host.run("disk", "create", disks[1], "--image", first.id, "--target", "rbd", "--tier", "default").succeeded()
        #expect(asked["base"].text == made["base"].text)
        // A host with other rules finds it, too.
        let other = try rest.host(limits: ", tiers: [{ name: odd, pool: \(fast.name), tags: [none] }]")
        let plan = try await other.run("plan", first.id, "--target", "rbd").succeeded()
        #expect(plan["route"].text == "base_clone")
        let disk = other.diskName()
        let hit = try await other.run("disk", "create", disk, "--image", first.id, "--target", "rbd").succeeded()
        #expect(hit["base"].text == made["base"].text)
        try await other.delete(disk)
        try await other.run("disk", "create", disk, "--image", first.id, "--target", "rbd", "--tier", "fast").failed(2, "usage")
        // By request into the other pool, for which the tier's limits say nothing.
        let slow = try await host.run("disk", "create", disks[2], "--image", second.id, "--target", "rbd", "--tier", "default").succeeded()
        #expect(slow["base"].text?.hasPrefix(rest.name + "/") == true)
        let listed = try await host.run("cache", "list").succeeded()["pool"]
        #expect(listed["bases"].list.map { $0["tier"].text } == ["fast", "default"])
        // The limit of one tier drives out what is in it, and nothing else.
        for name in disks.prefix(3) { try await host.delete(name) }
        try await host.run("disk", "create", disks[3], "--image", third.id, "--target", "rbd").succeeded()
        try await host.run("cache", "show", first.id).failed(3, "base_not_found")
        #expect(try await rest.images().count == 1)
        #expect(try await fast.images().count == 1)
        let report = try await host.run("cache", "clean", "--dry-run").succeeded()["pool"]
        #expect(report["pools"].list.map { $0["tier"].text } == ["fast", "default"])
        #expect(report["pools"].list.map { $0["count"].int } == [1, 1])
        try await host.delete(disks[3])
        for left in [second, third] { try await host.run("cache", "purge", left.id).succeeded() }
        #expect(try await rest.images() + fast.images() == [])
      }
    }
  }

  /// Clones of either format know their parent by its ids.
  @Test(arguments: ["1", "2"]) func aBaseInUseMovesToTheTrashAndItsDisksLiveOn(cloneFormat: String) async throws {
    try await OwnPool.with { pool in
      let host = try pool.host(limits: ", on_used: trash, max_count: 1") { settings, scratch in
        let conf = try String(contentsOfFile: settings.clusters[0].conf, encoding: .utf8)
        settings.clusters[0].conf = scratch.file("ceph.conf")
        try (conf + "\n[client]\nrbd_default_clone_format = \(cloneFormat)\n")
          .write(toFile: settings.clusters[0].conf, atomically: true, encoding: .utf8)
      }
      let (first, second) = (try await image(), try await image())
      let disks = (0..<3).map { _ in host.diskName() }
      try await host.run("disk", "create", disks[0], "--image", first.id, "--target", "rbd").succeeded()
      // Another base makes it go, as far as it can.
      try await host.run("disk", "create", disks[1], "--image", second.id, "--target", "rbd").succeeded()
      try await host.run("cache", "show", first.id).failed(3, "base_not_found")
      #expect(try await pool.images().count == 1)
      #expect(try await pool.trash().count == 1)
      try await expectSame(disks[0], host, first)
      // Its space is taken as long as the disk is there.
      let held = try await host.run("cache", "clean").succeeded()["pool"]
      #expect(try #require(held["pools"].list.first?["pending"].int) > 1 << 20)
      #expect(held["reclaimed"].int == 0)
      #expect(held["deletions"].list.filter { $0["pool"].text == pool.name }.map { $0["removed"] } == [.bool(false)])
      // By hand, too; and its image becomes a base of its own again, beside the one in the trash.
      let purged = try await host.run("cache", "purge", second.id).succeeded()["pool"]
      #expect(purged["evicted"].list.map { $0["reclaimed"].int } == [0])
      #expect(purged["evicted"].list.first?["detail"].text == "by vms/\(disks[1])")
      try await host.run("disk", "create", disks[2], "--image", second.id, "--target", "rbd").succeeded()
      #expect(try await pool.images().count == 1)
      #expect(try await pool.trash().count == 2)
      try await expectSame(disks[1], host, second)
      try await expectSame(disks[2], host, second)
      // With the last of its disks it goes, by its id; what has the name by now stays.
      try await host.delete(disks[0])
      try await host.delete(disks[1])
      let end = ContinuousClock.now + .seconds(120)
      var after = JSON.null
      repeat {
        after = try await host.run("cache", "clean").succeeded()["pool"]
        if try await pool.trash().isEmpty { break }
        try await Task.sleep(for: .seconds(1))
      } while ContinuousClock.now < end
      #expect(try await pool.trash() == [])
      after = try await host.run("cache", "clean").succeeded()["pool"]
      #expect(after["pools"].list.first?["pending"].int == 0)
      #expect(!after["deletions"].list.contains { $0["pool"].text == pool.name })
      #expect(try await pool.images().count == 1)
      try await expectSame(disks[2], host, second)
      try await host.delete(disks[2])
      try await host.run("cache", "purge", second.id).succeeded()
    }
  }
}
