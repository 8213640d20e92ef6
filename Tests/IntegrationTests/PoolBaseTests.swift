import Foundation
import Runtime
import Testing

/// Images that cannot be cloned where they lie become a base in the pool, once for the whole cluster, and disks are clones of that.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct PoolBaseTests {
  /// A qcow2 of a test alone: 16 MiB virtual, with compressed clusters.
  static func qcow2(_ options: String...) async throws -> Uploaded {
    let scratch = try await Images.scratch()
    let name = UUID().uuidString
    let raw = try scratch.sparse(name, size: 16 << 20, runs: [(4096, 700_000), (9 << 20, 1 << 20)], seed: .random(in: 1...UInt64.max))
    let file = scratch.file(name + ".qcow2")
    try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-c", raw, file)
    return try await Images.upload(file, format: "qcow2")
  }

  func expectSame(_ disk: String, _ host: Host, _ file: String, _ format: String) async throws {
    let copy = try await Compare.exported("vms/\(disk)", host.stack, to: host.scratch.file("export-\(disk)"))
    try await Compare.guest(copy, "raw", file, format)
  }

  @Test func aQcow2ImageIsImportedOnceAndEveryDiskIsACloneOfTheOneSnapshot() async throws {
    let image = try await Self.qcow2()
    let host = try Host()
    let plan = try await host.run("plan", image.id, "--target", "rbd").succeeded()
    #expect(plan["route"].text == "base_clone")
    #expect(plan["candidates"].list.map { $0["reason"].text } == ["not_raw", "ok"])
    let first = host.diskName()
    let made = try await host.run("disk", "create", first, "--image", image.id, "--target", "rbd", "--size", "1G").succeeded()
    #expect(made["route"].text == "base_clone")
    #expect(made["outcome"].text == "created")
    let base = try #require(made["base"].text)
    #expect(base.hasPrefix("slipway-bases/slipway.base.") && base.hasSuffix("@base"))
    host.expectEmptyStore()
    try await expectSame(first, host, image.file, "qcow2")
    // Another host, with nothing of its own: nothing is moved, and nothing lands on its disk.
    let other = try Host()
    let second = other.diskName()
    let again = try await other.run("disk", "create", second, "--image", image.id, "--target", "rbd").succeeded()
    #expect(again["base"].text == base)
    #expect(again["size"].int == 16 << 20, "without a size a disk is as large as the image")
    other.expectEmptyStore()
    try await expectSame(second, other, image.file, "qcow2")
    let shown = try await other.run("cache", "show", image.id).succeeded()["pool"]["bases"].list
    #expect(shown.count == 1)
    let facts = try #require(shown.first)
    #expect(facts["path"].text == base)
    #expect(facts["virtual_size"].int == 16 << 20, "a base has the image's size, whatever the disks have")
    #expect(facts["hits"].int == 1)
    #expect(facts["source_format"].text == "qcow2")
    #expect(facts["evidence"]["digest"].text == "matched")
    #expect(facts["disks"].list.compactMap(\.text).sorted() == ["vms/\(first)", "vms/\(second)"].sorted())
    let snapshots = try await JSON(
      parsing: Compare.tool(
        "rbd", "-c", host.stack.text("ceph", "admin_conf"), "snap", "ls", String(base.dropLast("@base".count)), "--format", "json"))
    #expect(snapshots.list.count == 1)
    #expect(snapshots.list.first?["protected"].text == "true")
    let refused = try await host.run("cache", "purge", image.id)
    #expect(refused.status == 7)
    #expect(try refused.document()["pool"]["kept"].list.map { $0["reason"].text } == ["in_use"])
    try await host.delete(first)
    try await other.delete(second)
    let purged = try await host.run("cache", "purge", image.id).succeeded()
    #expect(purged["pool"]["evicted"].list.count == 1)
    try await host.run("cache", "show", image.id).failed(3, "base_not_found")
  }

  enum Way: String, CaseIterable, CustomTestStringConvertible {
    case otherCluster, file, download, qcow2Download
    var testDescription: String { rawValue }
  }

  @Test(arguments: Way.allCases) func theBytesComeByWhateverWayThereIs(way: Way) async throws {
    let image: Uploaded
    switch way {
    case .otherCluster: image = try await Images.fresh("--store", "ceph2")
    case .file, .download: image = try await Images.fresh("--store", "local")
    case .qcow2Download: image = try await Self.qcow2()
    }
    let host = try Host { settings, _ in
      settings.clusters.append(.init(name: "second", conf: try Stack.current().conf2))
      settings.roots = [try Stack.current().dir + "/glance/local"]
      if way == .download || way == .qcow2Download { settings.schemes = [] }
    }
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
    #expect(made["route"].text == "base_clone")
    try await expectSame(disk, host, image.file, way == .qcow2Download ? "qcow2" : "raw")
    let base = try #require(try await host.run("cache", "show", image.id).succeeded()["pool"]["bases"].list.first)
    let route = ["otherCluster": "export", "file": "file", "download": "download", "qcow2Download": "download"][way.rawValue]
    #expect(base["route"].text == route)
    // Raw bytes go straight into the pool; what must be decoded is verified here first.
    if way == .qcow2Download { #expect(host.stored("bases").count == 1) } else { host.expectEmptyStore() }
    #expect(try #require(base["allocated"].int) < 2 << 20, "holes stay holes")
    try await host.delete(disk)
    try await host.run("cache", "purge", image.id).succeeded()
  }

  @Test func aTypedFileWithAWrongDigestLeavesNothingAndARightOneIsABase() async throws {
    try await OwnPool.with { pool in
      let host = try pool.host { settings, scratch in settings.roots = [scratch.path] }
      let file = try host.scratch.sparse("typed.raw", size: 5 << 20, runs: [(0, 1 << 20)], seed: 91)
      let request = ["disk", "create", host.diskName(), "--image", file, "--disk-format", "raw", "--target", "rbd", "--digest"]
      let sum = try await Compare.tool("sha256sum", file).prefix(64)
      let wrong = String(repeating: "0", count: 64)
      try await host.start(request + ["sha256:\(wrong)"]).wait().failed(4, "digest_mismatch")
      #expect(try await pool.images() == [])
      #expect(try await pool.trash() == [])
      let made = try await host.start(request + ["sha256:\(sum)"]).wait().succeeded()
      try await Compare.same(try await Compare.exported("vms/\(request[2])", host.stack, to: host.scratch.file("out")), file)
      #expect(made["route"].text == "base_clone")
      try await host.delete(request[2])
    }
  }

  /// It is decoded while it is hashed: nothing of it stays.
  @Test func aQcow2WithAWrongDigestLeavesNothing() async throws {
    try await OwnPool.with { pool in
      let host = try pool.host()
      let image = try await Self.qcow2()
      try await Images.glance("corrupt-hash", image.id)
      try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "digest_mismatch")
      #expect(try await pool.images() == [])
      #expect(try await pool.trash() == [])
      host.expectEmptyStore()
    }
  }

  @Test func aPoolThatIsMissingIsAReasonInThePlan() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host { settings, _ in settings.more = ["bases: { pool: it-no-such-pool }"] }
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(plan.status == 4)
    #expect(try plan.document()["candidates"].list.map { $0["reason"].text } == ["not_raw", "pool_missing"])
    let error = try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "not_cloneable")
    #expect(error["message"].text?.contains("it-no-such-pool") == true)
    // The store's own bases are shown all the same.
    #expect(try await host.run("cache", "list").succeeded()["pool"] == .null)
  }

  @Test func manyHostsAtOnceImportOnce() async throws {
    let image = try await Self.qcow2()
    let hosts = try (0..<4).map { _ in try Host() }
    let disks = hosts.map { $0.diskName() }
    let running = try zip(hosts, disks).map { try $0.start(["disk", "create", $1, "--image", image.id, "--target", "rbd"]) }
    for program in running { #expect(try await program.wait().succeeded()["route"].text == "base_clone") }
    let base = try #require(try await hosts[0].run("cache", "show", image.id).succeeded()["pool"]["bases"].list.first)
    // Each but the importer found it; two that count at one moment may count one.
    #expect((1...3).contains(try #require(base["hits"].int)))
    #expect(base["disks"].list.count == 4)
    for (host, disk) in zip(hosts, disks) {
      try await expectSame(disk, host, image.file, "qcow2")
      try await host.delete(disk)
    }
    try await hosts[0].run("cache", "purge", image.id).succeeded()
  }

  @Test func whenTheImporterIsKilledAnotherHostFinishes() async throws {
    try await OwnPool.with { pool in
      let first = try pool.host()
      let second = try pool.host()
      var random = SplitMix(state: 77)
      // How long an import takes here and now.
      let whole = try await Self.qcow2()
      let disk = first.diskName()
      let seconds = try await first.start(["disk", "create", disk, "--image", whole.id, "--target", "rbd"]).wait()
      try seconds.succeeded()
      try await first.delete(disk)
      for _ in 0..<6 {
        let image = try await Self.qcow2()
        let (lost, kept) = (first.diskName(), second.diskName())
        let importer = try first.start(["disk", "create", lost, "--image", image.id, "--target", "rbd"])
        try await Task.sleep(for: .seconds(seconds.seconds * Double.random(in: 0.1...0.5, using: &random)))
        let waiter = try second.start(["disk", "create", kept, "--image", image.id, "--target", "rbd"])
        try await Task.sleep(for: .seconds(seconds.seconds * Double.random(in: 0...0.6, using: &random)))
        kill(importer.pid, SIGKILL)
        _ = try await importer.wait()
        try await waiter.wait().succeeded()
        try await expectSame(kept, second, image.file, "qcow2")
        #expect(try await second.run("cache", "show", image.id).succeeded()["pool"]["bases"].list.count == 1)
        try await second.delete(kept)
        try await second.run("disk", "delete", lost).succeeded()
      }
      // Every image in the pool is a whole base, and what the dead have left comes out of the trash when Ceph has given them up.
      for name in try await pool.images() {
        let snapshots = try await Compare.tool("rbd", "-c", first.stack.text("ceph", "admin_conf"), "snap", "ls", "\(pool.name)/\(name)")
        #expect(snapshots.contains("base"), "\(name) has no snapshot")
      }
      let end = ContinuousClock.now + .seconds(90)
      while ContinuousClock.now < end {
        try await first.run("cache", "clean").succeeded()
        if try await pool.trash().isEmpty { break }
        try await Task.sleep(for: .seconds(2))
      }
      #expect(try await pool.trash() == [])
    }
  }

  // MARK: cleaning

  /// Killed within librbd, before the image's header was there: its id cannot be looked up, and its name cannot be given again.
  @Test(arguments: [true, false]) func namesWithoutAnImageDoNotKeepABaseFromBeingMade(isOurs: Bool) async throws {
    let image = try await Self.qcow2()
    try await OwnPool.with { pool in
      let host = try pool.host()
      let disk = host.diskName()
      let request = ["disk", "create", disk, "--image", image.id, "--target", "rbd"]
      let made = try await host.start(request).wait().succeeded()
      let base = try #require(made["base"].text?.dropLast("@base".count).split(separator: "/").last.map(String.init))
      try await host.delete(disk)
      try await host.run("cache", "purge", image.id).succeeded()
      #expect(try await pool.images() == [])
      let conf = try host.stack.text("ceph", "admin_conf")
      try host.stack.rbd(["create", "\(pool.name)/\(base)", "--size", "16M"])
      let id = try #require(
        try await JSON(parsing: Compare.tool("rbd", "-c", conf, "info", "\(pool.name)/\(base)", "--format", "json"))["id"].text)
      try await Compare.tool("rados", "-c", conf, "-p", pool.name, "rm", "rbd_header.\(id)")
      if isOurs {
        let makers = host.scratch.file("makers")
        try Data("[1]".utf8).write(to: URL(fileURLWithPath: makers))
        try await Compare.tool(
          "rados", "-c", conf, "-p", pool.name, "put", "slipway.base-claim.\(base.dropFirst("slipway.base.".count))", makers)
        try await host.start(request).wait().succeeded()
        #expect(try await pool.images() == [base])
        try await host.delete(disk)
      } else {
        // Nobody is known to have begun: it may be anybody's.
        try await host.start(request).wait().failed(7, "name_conflict")
        #expect(try await pool.images() == [base])
      }
    }
  }

  @Test func limitsDriveOutTheLeastRecentlyUsedAndNeverWhatIsPinnedOrInUse() async throws {
    try await OwnPool.with { pool in
      let host = try pool.host(limits: ", max_count: 2")
      var images: [Uploaded] = []
      var disks: [String] = []
      for _ in 0..<2 {
        let image = try await Self.qcow2()
        let disk = host.diskName()
        try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
        images.append(image)
        disks.append(disk)
        // Uses are told in whole seconds.
        try await Task.sleep(for: .seconds(1.1))
      }
      // The first is used by a disk, the second only pinned.
      try await host.delete(disks[1])
      let pinned = try await host.run("cache", "pin", images[1].id, "--note", "keep").succeeded()
      #expect(pinned["bases"].list.first?["pin"]["note"].text == "keep")
      let third = try await Self.qcow2()
      try await host.run("disk", "create", disks[1], "--image", third.id, "--target", "rbd").succeeded()
      #expect(try await pool.images().count == 3, "nothing may go, and a disk is made all the same")
      let report = try await host.run("cache", "clean", "--dry-run").succeeded()["pool"]
      #expect(report["unmet"].list.map(\.text) == ["over_count"])
      #expect(Set(report["kept"].list.compactMap { $0["reason"].text }) == ["in_use", "pinned"])
      try await host.run("cache", "unpin", images[1].id).succeeded()
      let dry = try await host.run("cache", "clean", "--dry-run").succeeded()["pool"]
      #expect(dry["evicted"].list.map { $0["images"].list.first?.text } == [images[1].id])
      #expect(try await pool.images().count == 3, "a dry run touches nothing")
      let cleaned = try await host.run("cache", "clean").succeeded()["pool"]
      #expect(cleaned["evicted"].list.map { $0["rule"].text } == ["over_count"])
      #expect(try await pool.images().count == 2)
      // One more drives out nothing that is used, and the older of those that are not.
      try await host.delete(disks[0])
      let fourth = try await Self.qcow2()
      try await host.run("disk", "create", disks[0], "--image", fourth.id, "--target", "rbd").succeeded()
      #expect(try await pool.images().count == 2)
      try await host.run("cache", "show", images[0].id).failed(3, "base_not_found")
      let refused = try await host.run("cache", "purge", fourth.id)
      #expect(refused.status == 7)
      for disk in disks { try await host.delete(disk) }
      let listed = try await host.run("cache", "list").succeeded()["pool"]["bases"].list
      #expect(listed.count == 2)
      for image in [third, fourth] { try await host.run("cache", "purge", image.id).succeeded() }
      #expect(try await pool.images() == [])
      #expect(try await pool.trash() == [])
      let objects = try await Compare.tool("rados", "-c", host.stack.text("ceph", "admin_conf"), "-p", pool.name, "ls")
      #expect(!objects.contains("slipway.base-claim"), "\(objects)")
    }
  }

  @Test func aBaseLargerThanTheLimitDrivesNobodyOut() async throws {
    try await OwnPool.with { pool in
      let host = try pool.host(limits: ", max_bytes: 2M")
      let small = try await Images.fresh("--store", "local")
      let disk = host.diskName()
      try await host.run("disk", "create", disk, "--image", small.id, "--target", "rbd").succeeded()
      try await host.delete(disk)
      let scratch = try await Images.scratch()
      let file = try scratch.sparse(UUID().uuidString, size: 6 << 20, runs: [(0, 4 << 20)], seed: 5)
      let large = try await Images.upload(file, format: "raw", "--store", "local")
      try await host.run("disk", "create", disk, "--image", large.id, "--target", "rbd").succeeded()
      #expect(try await pool.images().count == 2)
      try await host.delete(disk)
    }
  }

  /// An erasure-coded one is in `ErasureCodeTests`.
  @Test func dataPoolsHoldTheBytesOfBasesAndDisks() async throws {
    try await OwnPool.with { pool in
      try await OwnPool.with { data in
        let host = try pool.host(limits: ", data_pool: \(data.name)") { settings, _ in
          settings.pool = pool.name
          settings.diskKeys = "data_pool: \(data.name)"
        }
        let image = try await Self.qcow2()
        let disk = host.diskName(pool: pool.name)
        try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
        for name in try await pool.images() {
          #expect(try await Compare.rbd("\(pool.name)/\(name)", host.stack)["data_pool"].text == data.name, "\(name)")
        }
        let copy = try await Compare.exported("\(pool.name)/\(disk)", host.stack, to: host.scratch.file("out"))
        try await Compare.guest(copy, "raw", image.file, "qcow2")
        try await host.delete(disk)
        try await host.run("cache", "purge", image.id).succeeded()
        #expect(try await pool.images() == [])
      }
    }
  }
}
