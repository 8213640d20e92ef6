import Ceph
import Disks
import Foundation
import Logging
import Model
import Runtime
import Testing

/// Deleting disks in RBD: the name is free at once, and what cannot go yet is taken up again by its id.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DiskDeletionTests {
  /// A disk of a host of its own, whose disks lie in a pool of its own.
  private func host(_ pool: OwnPool, busyWait: String = "1s") throws -> Host {
    try pool.host { settings, _ in
      settings.pool = pool.name
      settings.diskKeys = "busy_wait: \(busyWait)"
    }
  }

  private func rbd(_ host: Host, _ words: String...) throws { try host.stack.rbd(words) }

  @Test func aDiskWithClonesGoesToTheTrashAndItsNameIsFree() async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try host(pool)
      let disk = host.diskName(pool: pool.name)
      let request = ["disk", "create", disk, "--image", image.id, "--target", "rbd"]
      try await host.start(request).wait().succeeded()
      // A snapshot that Slipway took, and a clone of it, of format 1: neither can go before the clone does.
      try rbd(host, "snap", "create", "\(pool.name)/\(disk)@slipway.upload", "--no-progress")
      try rbd(host, "snap", "protect", "\(pool.name)/\(disk)@slipway.upload")
      try rbd(host, "clone", "\(pool.name)/\(disk)@slipway.upload", "\(pool.name)/child")
      let deleted = try await host.run("disk", "delete", disk).succeeded()
      #expect(deleted["outcome"].text == "deleted")
      #expect(try await !pool.images().contains(disk))
      // Built again under the same name while the old one still lies in the trash.
      try await host.start(request).wait().succeeded()
      let held = try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list
      #expect(held.map { $0["removed"] } == [.bool(false)])
      #expect(held.first?["name"].text == disk)
      try await Compare.same(
        try await Compare.exported("\(pool.name)/child", host.stack, to: host.scratch.file("child")), image.file)
      try rbd(host, "rm", "\(pool.name)/child", "--no-progress")
      let done = try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list
      #expect(done.map { $0["removed"] } == [.bool(true)])
      #expect(try await pool.trash() == [])
      // By its id, never by its name: the new disk stands.
      #expect(try await host.run("disk", "show", disk).succeeded()["state"].text == "ready")
      #expect(try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list.isEmpty)
      try await host.delete(disk)
    }
  }

  @Test func aDeferredDeletionLeavesTheDataToTheCleaner() async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try pool.host { settings, _ in
        settings.pool = pool.name
        settings.diskKeys = "deferred_deletion: true"
      }
      let disk = host.diskName(pool: pool.name)
      for _ in 0..<2 {
        try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
        #expect(try await host.run("disk", "delete", disk).succeeded()["outcome"].text == "deleted")
        #expect(try await !pool.images().contains(disk))
      }
      #expect(try await pool.trash().count == 2)
      let done = try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list
      #expect(done.map { $0["removed"] } == [.bool(true), .bool(true)])
      #expect(try await pool.trash() == [])
      #expect(try await host.run("disk", "delete", disk).succeeded()["outcome"].text == "absent")
    }
  }

  @Test func aSnapshotOfSomebodyElseHoldsTheDisk() async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try host(pool)
      let disk = host.diskName(pool: pool.name)
      try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
      try rbd(host, "snap", "create", "\(pool.name)/\(disk)@backup", "--no-progress")
      try await host.run("disk", "delete", disk).failed(7, "in_use")
      #expect(try await host.run("disk", "show", disk).succeeded()["state"].text == "ready")
      #expect(try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list.isEmpty)
      try rbd(host, "snap", "rm", "\(pool.name)/\(disk)@backup", "--no-progress")
      try await host.delete(disk)
    }
  }

  @Test func whoeverHasItOpenIsWaitedForWithABound() async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try host(pool, busyWait: "30s")
      let impatient = try self.host(pool, busyWait: "0s")
      let disk = host.diskName(pool: pool.name)
      try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
      let cluster = try await Cluster.connect(
        ClusterOptions(name: "main", conf: try host.stack.text("ceph", "admin_conf"), user: "admin", timeout: .seconds(10)))
      let io = try await cluster.pool(pool.name)
      let open = try await io.open(disk, readOnly: false)
      try await impatient.run("disk", "delete", disk).failed(7, "in_use")
      let waiting = try host.start(["disk", "delete", disk])
      try await Task.sleep(for: .seconds(1))
      await open.close()
      await io.close()
      await cluster.close()
      #expect(try await waiting.wait().succeeded()["outcome"].text == "deleted")
      #expect(try await pool.images() == [])
    }
  }

  @Test func aDeletionThatIsKilledIsFinishedByTheCleaner() async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try host(pool, busyWait: "35s")
      let names = (0...10).map { _ in host.diskName(pool: pool.name) }
      for name in names { try await host.run("disk", "create", name, "--image", image.id, "--target", "rbd").succeeded() }
      let bystander = host.diskName(pool: pool.name)
      try await host.run("disk", "create", bystander, "--image", image.id, "--target", "rbd").succeeded()
      try await kills(10, seed: 51, of: host, atOnce: 5) { round in
        ["disk", "delete", names[round]]
      } look: { round in
        let shown = try await host.run("disk", "show", names[round])
        if shown.status == 3 { return .whole }
        return try shown.document()["state"].text == "ready" ? .nothing : .half
      }
      // What stands whole was not deleted; everything else is finished by its id.
      let end = ContinuousClock.now + .seconds(240)
      while ContinuousClock.now < end {
        try await host.run("cache", "clean").succeeded()
        if try await pool.trash().isEmpty { break }
        try await Task.sleep(for: .seconds(2))
      }
      #expect(try await pool.trash() == [])
      var reasons: [JSON] = []
      if try await !pool.trash().isEmpty { reasons = try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list }
      #expect(reasons.isEmpty, "\(reasons)")
      for name in names {
        let shown = try await host.run("disk", "show", name)
        if shown.status == 0 { #expect(try shown.document()["state"].text == "ready") } else { #expect(shown.status == 3) }
        try await host.run("disk", "delete", name).succeeded()
      }
      #expect(try await pool.images() == [bystander])
      try await host.delete(bystander)
      #expect(try await pool.images() == [])
      let objects = try await Compare.tool("rados", "-c", host.stack.text("ceph", "admin_conf"), "-p", pool.name, "ls")
      #expect(!objects.contains("slipway.disk."), "\(objects)")
    }
  }

  @Test func aRemovalThatWasCutOffOnceTheHeaderWasGoneIsFinished() async throws {
    try await OwnPool.with { pool in
      let stack = try Stack.current()
      let conf = try stack.text("ceph", "admin_conf")
      try stack.rbd(["create", "\(pool.name)/x", "--size", "8M"])
      let cluster = try await Cluster.connect(ClusterOptions(name: "main", conf: conf, user: "admin", timeout: .seconds(10)))
      let io = try await cluster.pool(pool.name)
      let image = try await io.open("x", readOnly: true)
      let id = image.id
      await image.close()
      let queue = TrashQueue(io)
      try await queue.note("x", id: id)
      try stack.rbd(["trash", "mv", "\(pool.name)/x"])
      try await Compare.tool("rados", "-c", conf, "-p", pool.name, "rm", "rbd_header.\(id)")
      let entry = try #require(try await queue.entries().first)
      let outcome = try await queue.retry(entry)
      let left = try await queue.entries()
      await io.close()
      await cluster.close()
      guard case .removed = outcome else { return #expect(Bool(false), "\(outcome)") }
      #expect(left.isEmpty)
      #expect(try await pool.trash() == [])
    }
  }

  /// Killed within Ceph, after the image was noted in the trash and before its name was taken from the pool's directory: Ceph alone refuses to remove
  /// it from the trash for ever, and to give its name to another.
  @Test(arguments: ["clean", "delete", "create"]) func aMoveToTheTrashThatWasCutOffIsFinished(by who: String) async throws {
    try await OwnPool.with { pool in
      let image = try await Images.shared.raw()
      let host = try host(pool)
      let disk = host.diskName(pool: pool.name)
      let request = ["disk", "create", disk, "--image", image.id, "--target", "rbd"]
      try await host.start(request).wait().succeeded()
      let conf = try host.stack.text("ceph", "admin_conf")
      let cluster = try await Cluster.connect(ClusterOptions(name: "main", conf: conf, user: "admin", timeout: .seconds(10)))
      let io = try await cluster.pool(pool.name)
      let opened = try await io.open(disk)
      let id = opened.id
      await opened.close()
      func rados(_ words: String...) async throws { try await Compare.tool("rados", ["-c", conf, "-p", pool.name] + words) }
      let (name, spec) = (host.scratch.file("name"), host.scratch.file("spec"))
      let back = host.scratch.file("id")
      try await rados("getomapval", "rbd_directory", "name_\(disk)", name)
      try await rados("getomapval", "rbd_directory", "id_\(id)", back)
      try await TrashQueue(io).note(disk, id: id)
      try rbd(host, "trash", "mv", "\(pool.name)/\(disk)")
      try await rados("getomapval", "rbd_trash", "id_\(id)", spec)
      var bytes = try Data(contentsOf: URL(fileURLWithPath: spec))
      bytes[bytes.count - 1] = 1
      try bytes.write(to: URL(fileURLWithPath: spec))
      try await rados("setomapval", "rbd_trash", "id_\(id)", "--input-file", spec)
      try await rados("setomapval", "rbd_directory", "name_\(disk)", "--input-file", name)
      try await rados("setomapval", "rbd_directory", "id_\(id)", "--input-file", back)
      #expect(try await pool.images() == [disk])
      switch who {
      case "clean":
        // Whoever moves it may still live.
        #expect(try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list.map { $0["removed"] } == [.bool(false)])
        let old = #"{"version":1,"id":"\#(id)","pool":\#(io.id),"name":"\#(disk)","asked":1000,"isMoved":false}"#
        try await io.setEntry(TrashQueue.object, id, old)
      case "delete": try await host.run("disk", "delete", disk).succeeded()
      default: try await host.start(request).wait().succeeded()
      }
      await io.close()
      await cluster.close()
      if who != "clean" { #expect(try await pool.images() == (who == "create" ? [disk] : [])) }
      #expect(try await host.run("cache", "clean").succeeded()["pool"]["deletions"].list.map { $0["removed"] } == [.bool(true)])
      #expect(try await pool.trash() == [])
      #expect(try await pool.images() == (who == "create" ? [disk] : []))
      if who == "create" { try await host.delete(disk) }
    }
  }

  @Test func aDiskWithTooManyAncestorsIsFlattened() async throws {
    try await OwnPool.with { pool in
      let stack = try Stack.current()
      let host = try pool.host { settings, _ in
        settings.pool = pool.name
        settings.clusters[0].imagePools = [pool.name]
        settings.diskKeys = "max_depth: 2"
      }
      let file = try host.scratch.sparse("deep", size: 4 << 20, runs: [(0, 500_000)], seed: 12)
      func rbd(_ words: String...) throws { try stack.rbd(words) }
      try rbd("import", file, "\(pool.name)/a", "--no-progress")
      for (image, child) in [("a", "b"), ("b", nil)] {
        try rbd("snap", "create", "\(pool.name)/\(image)@snap", "--no-progress")
        try rbd("snap", "protect", "\(pool.name)/\(image)@snap")
        if let child { try rbd("clone", "\(pool.name)/\(image)@snap", "\(pool.name)/\(child)") }
      }
      for (image, isFlat) in [("a", false), ("b", false), ("c", true)] {
        if image == "c" {
          try rbd("clone", "\(pool.name)/b@snap", "\(pool.name)/c")
          try rbd("snap", "create", "\(pool.name)/c@snap", "--no-progress")
          try rbd("snap", "protect", "\(pool.name)/c@snap")
        }
        let disk = host.diskName(pool: pool.name)
        let url = "rbd://\(try stack.fsid)/\(pool.name)/\(image)/snap"
        try await host.run("disk", "create", disk, "--image", url, "--disk-format", "raw", "--target", "rbd", "--size", "8M").succeeded()
        let parent = try await Compare.rbd("\(pool.name)/\(disk)", stack)["parent"]
        #expect((parent == .null) == isFlat, "\(image): \(parent)")
        let copy = try await Compare.exported("\(pool.name)/\(disk)", stack, to: host.scratch.file("flat-\(image)"))
        try await Compare.guest(copy, "raw", file, "raw")
        try await host.delete(disk)
      }
    }
  }
}
