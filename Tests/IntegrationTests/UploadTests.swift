import Ceph
import Foundation
import Runtime
import Testing

/// Images that are made of disks: by clone, by sending their bytes, and what is left of either. One after the other: a cleaning finishes the uploads of all.
@Suite(.serialized, .timeLimit(.minutes(30))) struct UploadTests {
  /// A host whose disks are uploaded by clone, by the users that a host really has.
  static func host(_ more: String..., isFormat2: Bool = false, _ change: (inout Settings, Scratch) throws -> Void = { _, _ in }) throws
    -> Host
  {
    let stack = try Stack.current()
    return try Host { settings, scratch in
      settings.clusters[0].uploadUser = "slipway-upload"
      settings.target = "rbd"
      settings.more = ["enable_clone_upload: true", "clean: { min_age: 0s }"] + more
      if isFormat2 {
        let conf = scratch.file("ceph.conf")
        let text = try String(contentsOfFile: stack.conf, encoding: .utf8)
        try (text + "\n[client]\nrbd_default_clone_format = 2\n").write(toFile: conf, atomically: true, encoding: .utf8)
        settings.clusters[0].conf = conf
      }
      try change(&settings, scratch)
    }
  }

  private func disk(_ host: Host, _ image: Uploaded, _ words: String...) async throws -> String {
    let name = host.diskName()
    try await host.start(["disk", "create", name, "--image", image.id] + words).wait().succeeded()
    return name
  }

  /// Cleans until nothing of that image is left to do.
  static func finish(_ image: String, _ host: Host) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while true {
      let report = try await host.run("cache", "clean").succeeded()["pool"]
      #expect(report["unavailable"] == .null)
      let left = report["uploads"].list.first { $0["image"].text == image }
      guard let left, left["done"] != .bool(true) else { return }
      try #require(ContinuousClock.now < end, "\(left)")
      // A dead client's watch holds for half a minute.
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// The image service's answer about an image, nil when it is gone.
  static func shown(_ image: String) async throws -> JSON? {
    guard let text = try? await Images.glance("show", image) else { return nil }
    return try JSON(parsing: text)
  }

  private func snapshots(_ disk: String, _ host: Host) async throws -> [JSON] {
    let text = try await Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "snap", "ls", "--all", disk, "--format", "json")
    return try JSON(parsing: text).list
  }

  private func exists(_ pool: String, _ name: String, _ host: Host) async throws -> Bool {
    try await Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "ls", pool).split(separator: "\n").contains { $0 == name }
  }

  /// Uploads, again where the image service fails: its database here answers 500 to writers that meet.
  private func upload(_ host: Host, _ disk: String, _ words: String...) async throws -> JSON {
    var ending = try await host.start(["disk", "upload", disk, "--image-name", "it-upload"] + words).wait()
    for _ in 0..<5 where ending.status == 5 && ending.output.contains("HTTP 500") {
      ending = try await host.start(["disk", "upload", disk, "--image-name", "it-upload"] + words).wait()
    }
    return try ending.succeeded()
  }

  private func remove(_ image: String) async throws { try await Images.glance("delete", image) }

  @Test(.timeLimit(.minutes(30))) func aDiskBecomesAnImageWithoutItsBytesBeingMoved() async throws {
    let image = try await Images.fresh()
    let host = try Self.host()
    try await host.run("doctor").succeeded()
    let disk = try await disk(host, image)
    let made = try await upload(host, disk, "--property", "os_type=linux")
    let id = try #require(made["image"].text)
    #expect(made["route"].text == "clone" && made["reason"].text == "ok" && made["bytes"]["read"].int == 0)
    #expect(made["consistency"].text == "at_rest" && made["flatten"].text == "pending" && made["store"].text == "ceph")
    let shown = try #require(try await Self.shown(id))
    #expect(shown["status"].text == "active" && shown["size"].int == 3 << 20 && shown["os_type"].text == "linux")
    #expect(shown["locations"].list.first?["url"].text == made["location"].text)
    #expect(try await Compare.rbd("images/\(id)", host.stack)["parent"]["image"].text == disk)
    let layout = try await snapshots("images/\(id)", host)
    #expect(layout.map { $0["name"].text } == ["snap"] && layout.first?["protected"].text == "true")
    try await Compare.same(try await Compare.exported("images/\(id)@snap", host.stack, to: host.scratch.file("a")), image.file)
    // A dry run says what is left, and leaves it.
    let planned = try await host.run("cache", "clean", "--dry-run").succeeded()["pool"]["uploads"].list.first { $0["image"].text == id }
    #expect(planned?["stage"].text == "flatten" && planned?["done"] == .bool(false))
    // The disk goes first: its name is free at once, and the image lives.
    try await host.delete(disk)
    #expect(try await !exists("vms", disk, host))
    try await Self.finish(id, host)
    #expect(try await Compare.rbd("images/\(id)", host.stack)["parent"] == .null)
    try await Compare.same(try await Compare.exported("images/\(id)@snap", host.stack, to: host.scratch.file("b")), image.file)
    // Nothing of the disk is left in the trash.
    let trash = try await Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "trash", "ls", "vms")
    #expect(!trash.contains(disk))
    try await remove(id)
  }

  @Test func theImageIsDeletedWhileADiskOfItLives() async throws {
    let image = try await Images.fresh()
    let host = try Self.host(isFormat2: true)
    let first = try await disk(host, image)
    let id = try #require(try await upload(host, first)["image"].text)
    // With clones of format 2 the disk is free of snapshots at once.
    #expect(try await snapshots("vms/\(first)", host).allSatisfy { $0["namespace"]["type"].text == "trash" })
    let second = host.diskName()
    let made = try await host.run("disk", "create", second, "--image", id).succeeded()
    #expect(made["route"].text == "clone")
    try await remove(id)
    #expect(try await !exists("images", id, host))
    try await Self.finish(id, host)
    try await Compare.same(try await Compare.exported("vms/\(second)", host.stack, to: host.scratch.file("a")), image.file)
    #expect(try await snapshots("vms/\(first)", host).isEmpty)
    try await host.delete(first)
    try await Compare.same(try await Compare.exported("vms/\(second)", host.stack, to: host.scratch.file("b")), image.file)
    try await host.delete(second)
    // Glance's own trash, which nobody empties.
    let trash = try await Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "trash", "ls", "images", "--format", "json")
    for entry in try JSON(parsing: trash).list where entry["name"].text == id {
      try host.stack.rbd("trash", "rm", "images/\(entry["id"].text ?? "")", "--no-progress")
    }
  }

  @Test func withAHashTheImageServiceComparesBeforeTheImageIsUsed() async throws {
    let image = try await Images.fresh()
    let host = try Self.host("upload: { flatten: before }")
    let disk = try await disk(host, image)
    let id = UUID().uuidString.lowercased()
    let words = ["disk", "upload", disk, "--image-name", "it-upload", "--image-id", id, "--hash"]
    let made = try await upload(host, disk, "--image-id", id, "--hash")
    let digest = try await Compare.tool("sha512sum", image.file).prefix(128)
    #expect(made["image"].text == id && made["route"].text == "clone" && made["digest"].text == "sha512:\(digest)")
    #expect(made["flatten"].text == "done" && made["outcome"].text == "created")
    #expect(try await Self.shown(id)?["os_hash_value"].text == String(digest))
    #expect(try await snapshots("vms/\(disk)", host).isEmpty)
    #expect(try await Compare.rbd("images/\(id)", host.stack)["parent"] == .null)
    // The same request again is the same image; another one for its id is refused and leaves it alone.
    #expect(try await host.start(words).wait().succeeded()["outcome"].text == "existing")
    try await host.run("disk", "upload", disk, "--image-name", "another", "--image-id", id).failed(7, "name_conflict")
    #expect(try await Self.shown(id)?["status"].text == "active")
    try await remove(id)
    try await host.delete(disk)
  }

  @Test func whatIsNoCloneIsSentAndIsTheSame() async throws {
    let image = try await Images.fresh()
    let host = try Self.host()
    let disk = try await disk(host, image)
    let sent = try await upload(host, disk, "--store", "local")
    let id = try #require(sent["image"].text)
    #expect(sent["route"].text == "stream" && sent["reason"].text == "store_not_rbd")
    let directory = try host.stack.text("stores", "local", "path")
    try await Compare.same("\(directory)/\(id)", image.file)
    #expect(try await Self.shown(id)?["os_hash_value"].text.map { "sha512:\($0)" } == sent["digest"].text)
    #expect(try await snapshots("vms/\(disk)", host).isEmpty)
    try await remove(id)
    // Local disks, each in another format than it has.
    for (target, format) in [("qcow2", "raw"), ("raw", "qcow2")] {
      let local = try await self.disk(host, image, "--target", target, "--size", "8M")
      let made = try await upload(host, local, "--store", "local", "--disk-format", format)
      let id = try #require(made["image"].text)
      #expect(made["route"].text == "stream" && made["reason"].text == "not_in_rbd" && made["size"].int == 8 << 20)
      try await Compare.guest("\(directory)/\(id)", format, image.file, "raw")
      try await remove(id)
      try await host.delete(local)
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: host.scratch.file("disks"))
    #expect(left.filter { $0.hasPrefix(".slipway-upload") }.isEmpty)
    try await host.delete(disk)
  }

  @Test func aDiskThatIsUploadedAsQcow2IsTheBaseOfItsImage() async throws {
    let image = try await Images.fresh()
    let host = try Self.host()
    let disk = try await disk(host, image, "--size", "8M")
    let made = try await upload(host, disk, "--disk-format", "qcow2")
    let id = try #require(made["image"].text)
    #expect(made["route"].text == "stream" && made["reason"].text == "not_raw")
    let base = try #require(made["base"].text)
    let second = host.diskName()
    let clone = try await host.run("disk", "create", second, "--image", id).succeeded()
    #expect(clone["route"].text == "base_clone" && clone["base"].text == base)
    try await Compare.guest(
      try await Compare.exported("vms/\(second)", host.stack, to: host.scratch.file("a")), "raw", image.file, "raw")
    try await host.delete(disk)
    try await Self.finish(id, host)
    try await Compare.guest(
      try await Compare.exported("vms/\(second)", host.stack, to: host.scratch.file("b")), "raw", image.file, "raw")
    try await host.delete(second)
    try await host.run("cache", "purge", id).succeeded()
    try await remove(id)
  }

  @Test func aVolumeIsUploadedAndCanBeDeleted() async throws {
    let image = try await Images.fresh()
    let volume = "volume-it-" + UUID().uuidString.lowercased()
    let stack = try Stack.current()
    try stack.rbd("import", image.file, "volumes/\(volume)", "--no-progress")
    defer { _ = try? stack.rbd("rm", "volumes/\(volume)", "--no-progress") }
    let strict = try Self.host()
    try await strict.run("disk", "upload", "volumes/\(volume)", "--image-name", "it-upload").failed(4, "location_not_allowed")
    let host = try Self.host("cinder: { backends: { \"h@rbd#rbd\": { cluster: main, pool: volumes } } }", isFormat2: true)
    let made = try await upload(host, "volumes/\(volume)")
    let id = try #require(made["image"].text)
    #expect(made["route"].text == "clone")
    try await Self.finish(id, host)
    try stack.rbd("rm", "volumes/\(volume)", "--no-progress")
    try await Compare.same(try await Compare.exported("images/\(id)@snap", stack, to: host.scratch.file("a")), image.file)
    try await remove(id)
  }

  @Test(arguments: [SIGINT, SIGKILL]) func aStreamThatIsCutOffLeavesNothing(signal: Int32) async throws {
    let image = try await Images.fresh()
    let host = try Self.host()
    let disk = try await disk(host, image, "--size", "8G")
    // Again where the image service failed before it had anything.
    for _ in 0..<5 {
      let id = UUID().uuidString.lowercased()
      let program = try host.start(["disk", "upload", disk, "--image-name", "it-upload", "--image-id", id, "--store", "local"])
      var isSaving = false
      while !isSaving, !program.hasEnded {
        isSaving = try await Self.shown(id)?["status"].text == "saving"
        try await Task.sleep(for: .milliseconds(20))
      }
      kill(program.pid, signal)
      let ending = try await program.wait()
      // What the image service did not let go of at once is cleaning's.
      try await Self.finish(id, host)
      let left = try await Self.shown(id)?["status"].text
      #expect(left == nil || left == "deleted")
      #expect(try await snapshots("vms/\(disk)", host).isEmpty)
      if isSaving, ending.status == (signal == SIGINT ? 130 : -1) {
        return try await host.delete(disk)
      }
    }
    Issue.record("no upload was cut off")
  }

  /// libvirt's own test driver has guests with an agent, and nobody else is needed for that.
  @Test func aMachineIsFrozenForTheMomentOfTheSnapshot() async throws {
    let image = try await Images.fresh()
    let plain = try Self.host()
    let disk = try await disk(plain, image)
    let host = try plain.reconfigured { settings, scratch in
      settings.clusters[0].uploadUser = "slipway-upload"
      settings.target = "rbd"
      settings.more = ["enable_clone_upload: true", "upload: { flatten: before }"]
      let node = scratch.file("node.xml")
      try """
      <node><domain type='test'><name>m</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>
      <disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='vms/\(disk)'>
      <host name='127.0.0.1' port='6789'/></source><target dev='vda' bus='virtio'/></disk></devices></domain></node>
      """.write(toFile: node, atomically: true, encoding: .utf8)
      settings.libvirt = "{ uri: 'test://\(node)' }"
    }
    let made = try await upload(host, disk, "--quiesce")
    #expect(made["consistency"].text == "quiesced" && made["flatten"].text == "done")
    try await remove(try #require(made["image"].text))
    // Whoever has it open, and is no domain here, cannot be asked.
    try await withOpen("vms/\(disk)", plain) {
      try await plain.run("disk", "upload", disk, "--image-name", "it-upload", "--quiesce").failed(7, "in_use")
      let made = try await upload(plain, disk)
      #expect(made["consistency"].text == "crash")
      try await Self.finish(try #require(made["image"].text), plain)
      try await remove(try #require(made["image"].text))
    }
    try await plain.delete(disk)
  }

  /// Runs `body` while somebody has an RBD image open for writing.
  private func withOpen(_ image: String, _ host: Host, _ body: () async throws -> Void) async throws {
    let parts = image.split(separator: "/").map(String.init)
    let cluster = try await Cluster.connect(
      ClusterOptions(name: "main", conf: try host.stack.text("ceph", "admin_conf"), user: "admin", timeout: .seconds(10)))
    let pool = try await cluster.pool(parts[0])
    let opened = try await pool.open(parts[1], readOnly: false)
    do {
      try await body()
    } catch {
      await opened.close()
      await pool.close()
      await cluster.close()
      throw error
    }
    await opened.close()
    await pool.close()
    await cluster.close()
  }

  /// Killed at many moments: cleaning finishes what the image service has, and takes back what it has not.
  @Test func anUploadThatIsKilledIsWholeOrGone() async throws {
    let image = try await Images.fresh()
    let host = try Self.host()
    let disk = try await disk(host, image)
    let ids = (0...12).map { _ in UUID().uuidString.lowercased() }
    try await kills(
      12, seed: 61, of: host, atOnce: 6, { ["disk", "upload", disk, "--image-name", "it-upload", "--image-id", ids[$0]] }
    ) { round in
      try await Self.finish(ids[round], host)
      let shown = try await Self.shown(ids[round])
      let snapshots = try await snapshots("vms/\(disk)", host)
      #expect(!snapshots.contains { $0["name"].text == "slipway.upload.\(ids[round])" }, "a snapshot is left")
      guard let shown, shown["status"].text != "deleted" else {
        #expect(try await !exists("images", ids[round], host), "a clone is left")
        return .nothing
      }
      #expect(shown["status"].text == "active")
      #expect(try await Compare.rbd("images/\(ids[round])", host.stack)["parent"] == .null)
      try await Compare.same(
        try await Compare.exported("images/\(ids[round])@snap", host.stack, to: host.scratch.file("k\(round)")), image.file)
      try await remove(ids[round])
      return .whole
    }
    let objects = try await Compare.tool("rados", "-c", host.stack.text("ceph", "admin_conf"), "-p", "vms", "ls")
    for id in ids { #expect(!objects.contains(id), "a claim is left") }
    // The killed clients' watches.
    let end = ContinuousClock.now + .seconds(90)
    var deletion = try await host.run("disk", "delete", disk)
    while deletion.status == 7, ContinuousClock.now < end {
      try await Task.sleep(for: .seconds(1))
      deletion = try await host.run("disk", "delete", disk)
    }
    try deletion.succeeded()
  }
}
