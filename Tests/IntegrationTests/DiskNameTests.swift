import Foundation
import Testing

/// One name, several requests at once: in one process after the other, between processes, between hosts.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DiskNameTests {
  /// Runs `slipway` as another host has it: its own UTS namespace with another name.
  static func elsewhere(_ name: String) -> [String] { ["/usr/bin/unshare", "--uts", "sh", "-c", "hostname \(name) && exec \"$0\" \"$@\""] }

  func create(_ host: Host, _ disk: String, _ image: String, _ target: String, size: String = "32M", wrapper: [String] = []) throws
    -> Program
  {
    try host.start(["disk", "create", disk, "--image", image, "--target", target, "--size", size], wrapper: wrapper)
  }

  /// The bytes of a disk, wherever it lies, are the image's.
  func compare(_ host: Host, _ disk: String, _ target: String, _ image: Uploaded) async throws {
    let path = try #require(try await host.run("disk", "show", disk).succeeded()["path"].text)
    if target == "rbd" {
      let out = try await Compare.exported(path, host.stack, to: host.scratch.file("out-" + disk))
      try await Compare.guest(out, "raw", image.file, "raw")
    } else {
      try await Compare.guest(path, target, image.file, "raw")
    }
  }

  @Test(arguments: ["rbd", "qcow2", "raw"]) func theSameRequestAtOnceMakesOneDisk(target: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let programs = try (0..<4).map { _ in try create(host, disk, image.id, target) }
    var outcomes: [String] = []
    for program in programs { outcomes.append(try await program.wait().succeeded()["outcome"].text ?? "") }
    #expect(outcomes.sorted() == ["created", "existing", "existing", "existing"])
    try await compare(host, disk, target, image)
    try await host.delete(disk)
  }

  @Test(arguments: ["rbd", "qcow2"]) func anotherRequestAtOnceIsAConflict(target: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let programs = try ["32M", "64M", "96M"].map { try create(host, disk, image.id, target, size: $0) }
    var made = 0
    for program in programs {
      let ending = try await program.wait()
      if ending.status == 0 {
        made += 1
      } else {
        let error = try ending.failed(7, "name_conflict")
        #expect(error["retry"].text == "never")
      }
    }
    #expect(made == 1)
    try await host.delete(disk)
  }

  @Test func twoHostsAtOnceMakeOneDisk() async throws {
    let image = try await Images.shared.raw()
    let (first, second) = (try Host(), try Host())
    let disk = first.diskName()
    let programs = try [
      create(first, disk, image.id, "rbd", wrapper: Self.elsewhere("host-one")),
      create(second, disk, image.id, "rbd", wrapper: Self.elsewhere("host-two")),
    ]
    var outcomes: [String] = []
    for program in programs { outcomes.append(try await program.wait().succeeded()["outcome"].text ?? "") }
    #expect(outcomes.sorted() == ["created", "existing"])
    try await compare(second, disk, "rbd", image)
    try await second.run("disk", "delete", disk).succeeded()
    try await first.run("disk", "show", disk).failed(3, "disk_not_found")
  }

  @Test(arguments: ["rbd", "qcow2", "raw"]) func deletedWhileItIsMade(target: String) async throws {
    let image = try await Images.shared.raw()
    let maker = try Host()
    for round in 0..<4 {
      let disk = maker.diskName()
      let making = try create(maker, disk, image.id, target)
      try await Task.sleep(for: .milliseconds(40 * round))
      let deletion = try await maker.run("disk", "delete", disk)
      #expect(deletion.status == 0, "\(deletion.output)")
      let made = try await making.wait()
      // The making may have begun after the deletion was through; then it stands whole. Else it was cancelled, and nothing is left.
      let shown = try await maker.run("disk", "show", disk)
      if made.status == 0, shown.status == 0 {
        #expect(try shown.document()["state"].text == "ready")
        try await compare(maker, disk, target, image)
      } else {
        try shown.failed(3, "disk_not_found")
        if made.status != 0 { try made.failed(130, "cancelled") }
      }
      try await maker.run("disk", "delete", disk).succeeded()
      try await expectNothing(maker, disk)
    }
  }

  /// No image, no claim, no file of that name.
  func expectNothing(_ host: Host, _ disk: String) async throws {
    let admin = try host.stack.text("ceph", "admin_conf")
    #expect(try await !Compare.tool("rbd", "-c", admin, "ls", "vms").contains(disk))
    #expect(try await !Compare.tool("rados", "-c", admin, "-p", "vms", "ls").contains(disk))
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: host.scratch.file("disks"))) ?? []
    #expect(names.filter { $0.contains(disk) && !$0.hasSuffix(".lock") }.isEmpty, "\(names)")
  }

  /// Killed at any moment, the next request for the name makes the disk.
  @Test(arguments: ["rbd", "raw"]) func aMakerThatIsKilledIsTakenOverFrom(target: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    for round in 0..<5 {
      let disk = host.diskName()
      let making = try create(host, disk, image.id, target)
      try await Task.sleep(for: .milliseconds(60 + 35 * round))
      kill(making.pid, SIGKILL)
      _ = try await making.wait()
      let again = try await create(host, disk, image.id, target).wait().succeeded()
      #expect(again["state"].text == "ready")
      try await compare(host, disk, target, image)
      try await host.delete(disk)
      try await expectNothing(host, disk)
    }
    #expect(host.stored("tmp").isEmpty)
  }

  // MARK: sizes

  @Test(arguments: ["rbd", "qcow2", "raw"]) func shrinkingIsRefusedBeforeAnythingIsMade(target: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    try await create(host, disk, image.id, target, size: "19M").wait().failed(4, "size_too_small")
    try await expectNothing(host, disk)
    host.expectEmptyStore()
  }

  @Test func aQcow2ThatIsLargerThanTheDiskIsRefusedWithoutADisk() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host()
    for target in ["qcow2", "raw"] {
      let disk = host.diskName()
      try await create(host, disk, image.id, target, size: "23M").wait().failed(4, "size_too_small")
      try await expectNothing(host, disk)
    }
  }

  @Test func minDiskIsRespectedByEveryKindOfDisk() async throws {
    let image = try await Images.fresh("--property", "min_disk=1")
    let host = try Host()
    for target in ["rbd", "qcow2", "raw"] {
      let disk = host.diskName()
      try await create(host, disk, image.id, target, size: "1023M").wait().failed(4, "below_min_disk")
      // Without a size the image's own is asked for, and that is below, too.
      try await host.run("disk", "create", disk, "--image", image.id, "--target", target).failed(4, "below_min_disk")
      try await expectNothing(host, disk)
      try await create(host, disk, image.id, target, size: "1G").wait().succeeded()
      try await host.delete(disk)
    }
  }

  /// Growing fails for a size that the object map cannot hold: the clone is there by then, and goes again.
  @Test func aFailureAfterTheCloneRemovesIt() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let failed = try await create(host, disk, image.id, "rbd", size: "4096T").wait()
    #expect(failed.status != 0 && failed.status != 130, "\(failed.output)")
    try await expectNothing(host, disk)
    try await create(host, disk, image.id, "rbd").wait().succeeded()
    try await host.delete(disk)
  }

  @Test func whatSomebodyElseMadeIsLeftAlone() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let admin = try host.stack.text("ceph", "admin_conf")
    try await Compare.tool("rbd", "-c", admin, "create", "--size", "1M", "vms/\(disk)")
    try await create(host, disk, image.id, "rbd").wait().failed(4, "not_ours")
    try await host.run("disk", "delete", disk).failed(4, "not_ours")
    #expect(try await Compare.rbd("vms/\(disk)", host.stack)["size"].int == 1 << 20)
    let file = host.scratch.file("disks/\(disk).raw")
    try Data("theirs".utf8).write(to: URL(fileURLWithPath: file))
    try await create(host, disk, image.id, "raw").wait().failed(4, "not_ours")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "theirs")
  }
}
