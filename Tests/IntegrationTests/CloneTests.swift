import Foundation
import Testing

/// Disks on RBD, made by the program.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct CloneTests {
  @Test(arguments: ["vms", "volumes"]) func aCloneHasTheImagesBytesAndSize(pool: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.pool = pool }
    let disk = host.diskName(pool: pool)
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
    #expect(made["outcome"].text == "created")
    #expect(made["route"].text == "clone")
    #expect(made["state"].text == "ready")
    #expect(made["path"].text == "\(pool)/\(disk)")
    #expect(made["size"].int == 20 << 20)
    #expect(made["source"].text == image.document["direct_url"].text)
    let parent = try await Compare.rbd("\(pool)/\(disk)", host.stack)["parent"]
    #expect(parent["image"].text == image.id)
    try await Compare.same(try await Compare.exported("\(pool)/\(disk)", host.stack, to: host.scratch.file("out")), image.file)
    try await host.delete(disk)
    let absent = try await host.run("disk", "delete", disk).succeeded()
    #expect(absent["outcome"].text == "absent")
    try await host.run("disk", "show", disk).failed(3, "disk_not_found")
  }

  @Test func aCloneIsGrownToTheSizeAskedAndAnsweredAgain() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let request = ["disk", "create", disk, "--image", image.name, "--size", "1G", "--target", "rbd"]
    let made = try await host.start(request).wait().succeeded()
    #expect(made["size"].int == 1 << 30)
    #expect(try await Compare.rbd("vms/\(disk)", host.stack)["size"].int == 1 << 30)
    let again = try await host.start(request).wait().succeeded()
    #expect(again["outcome"].text == "existing")
    #expect(again["created"] == made["created"])
    let other = try await host.run("disk", "create", disk, "--image", image.id, "--size", "2G", "--target", "rbd")
    try other.failed(7, "name_conflict")
    let listed = try await host.run("disk", "list").succeeded()
    #expect(listed["disks"].list.contains { $0["name"].text == disk && $0["size"].int == 1 << 30 })
    try await host.delete(disk)
  }

  @Test func anImageInAnotherClusterIsNotCloned() async throws {
    let image = try await Images.shared.second()
    let host = try Host { settings, _ in
      settings.clusters.append(.init(name: "second", conf: try Stack.current().conf2))
      settings.more = ["on_not_cloneable: fail"]
    }
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(plan.status == 4)
    #expect(try plan.document()["candidates"].list.first?["reason"].text == "fsid_mismatch")
    let disk = host.diskName()
    let error = try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").failed(4, "not_cloneable")
    #expect(error["message"].text?.contains(try host.stack.fsid2) == true)
    try await host.run("disk", "show", disk).failed(3, "disk_not_found")
  }

  @Test func aPoolThatIsNotListedIsNotClonedFrom() async throws {
    let host = try Host()
    let fsid = try host.stack.fsid
    let error = try await host.run(
      "disk", "create", host.diskName(), "--image", "rbd://\(fsid)/volumes/x/snap", "--disk-format", "raw", "--target", "rbd")
    try error.failed(4, "location_not_allowed")
  }

  @Test func aUserWithoutAccessIsDeniedAndNothingIsDownloaded() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in
      settings.clusters[0].user = "slipway-noread"
      settings.clusters[0].imageUser = nil
    }
    for target in ["rbd", "qcow2"] {
      let plan = try await host.run("plan", image.id, "--target", target)
      #expect(plan.status == 5, "\(plan.output)")
      let document = try plan.document()
      #expect(document["candidates"].list.first?["reason"].text == "permission_denied")
      #expect(document["route"] == .null)
    }
    try await host.run("fetch", image.id).failed(5, "permission_denied")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(5, "permission_denied")
    host.expectEmptyStore()
    let open = try host.reconfigured { settings, _ in
      settings.clusters[0].user = "slipway-noread"
      settings.clusters[0].imageUser = nil
      settings.more = ["on_direct_failed: fallback"]
    }
    let fetched = try await open.run("fetch", image.id).succeeded()
    #expect(fetched["route"].text == "download")
    try await Compare.guest(#require(fetched["path"].text), "qcow2", image.file, "raw")
  }

  /// The clone would succeed and open for nobody: who may export is not who opens the disk.
  @Test func anImageThatOnlyTheExportUserCanReadIsNotCloned() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.clusters[0].user = "slipway-noread" }
    let plan = try await host.run("plan", image.id, "--target", "rbd")
    #expect(plan.status == 5)
    #expect(try plan.document()["candidates"].list.first?["reason"].text == "permission_denied")
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").failed(5, "permission_denied")
    #expect(try await !Compare.tool("rbd", "-c", host.stack.text("ceph", "admin_conf"), "ls", "vms").contains(disk))
    let fetched = try await host.run("fetch", image.id).succeeded()
    #expect(fetched["route"].text == "export")
  }

  @Test func aDiskThatThisUserMayNotOpenIsToldByItsName() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
    let blind = try Host { settings, _ in settings.clusters[0].user = "slipway-noread" }
    let listed = try await blind.run("disk", "list").succeeded()
    #expect(!listed["disks"].list.contains { $0["name"].text == disk })
    let told = try #require(listed["unreadable"].list.first { $0["path"].text == "vms/\(disk)" })
    #expect(told["error"]["code"].text == "permission_denied")
    #expect(listed["unavailable"].list.isEmpty)
    let people = try await blind.runForPeople("disk", "list")
    #expect(people.status == 0 && people.errors.contains("vms/\(disk) may be a disk"), "\(people.errors)")
    try await host.delete(disk)
  }

  @Test func aSnapshotWithoutProtectionIsClonedByFormat2Alone() async throws {
    let host = try Host { settings, _ in settings.more = ["on_not_cloneable: fail"] }
    let stack = host.stack
    let name = "it-\(UUID().uuidString)"
    let file = try host.scratch.sparse("i", size: 8 << 20, runs: [(0, 100_000)], seed: 31)
    try stack.makeImage(name, file: file, protect: false)
    defer { stack.removeImage(name) }
    let url = "rbd://\(try stack.fsid)/images/\(name)/snap"
    let disk = host.diskName()
    let request = ["disk", "create", disk, "--image", url, "--disk-format", "raw", "--target", "rbd"]
    let plan = try await host.run("plan", url, "--disk-format", "raw", "--target", "rbd")
    #expect(try plan.document()["candidates"].list.first?["reason"].text == "snapshot_not_protected")
    try await host.start(request).wait().failed(4, "not_cloneable")
    let second = try host.reconfigured { settings, scratch in
      let conf = try String(contentsOfFile: settings.clusters[0].conf, encoding: .utf8)
      let path = scratch.file("ceph.conf")
      try (conf + "\nrbd_default_clone_format = 2\n").write(toFile: path, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = path
    }
    let made = try await second.start(request).wait().succeeded()
    #expect(made["route"].text == "clone")
    try await Compare.same(try await Compare.exported("vms/\(disk)", stack, to: host.scratch.file("out")), file)
    try await second.delete(disk)
  }
}
