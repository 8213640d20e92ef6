import Foundation
import Testing

/// What cleaning removes, and what it never does.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct CleanTests {
  /// Whatever nothing protects goes.
  static let strict = "clean: { unused_for: 0, min_age: 0, max_bytes: 1, min_free: 1% }"

  func host(_ clean: String = strict) throws -> Host { try Host { settings, _ in settings.more = [clean] } }

  /// Brings a base, and returns its path.
  func base(_ host: Host, _ image: String) async throws -> String {
    try #require(try await host.run("fetch", image).succeeded()["path"].text)
  }

  /// A directory of instances, as Nova's, which the host is told of.
  func instances(_ host: Host) throws -> (path: String, environment: [String: String]) {
    let path = host.scratch.file("instances")
    try FileManager.default.createDirectory(atPath: path + "/i", withIntermediateDirectories: true)
    return (path, ["SLIPWAY_DISKS_ROOTS": path])
  }

  func clean(_ host: Host, _ words: [String] = [], environment: [String: String] = [:]) async throws -> JSON {
    try await host.start(["cache", "clean"] + words, environment: environment).wait().succeeded()
  }

  @Test func aBaseStaysAsLongAsADiskStandsOnIt() async throws {
    let image = try await Images.shared.raw()
    let host = try host()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    let (path, base) = (try #require(made["path"].text), try #require(made["base"].text))
    let kept = try await clean(host)
    #expect(kept["evicted"].list.isEmpty)
    #expect(kept["kept"].list.map { $0["reason"].text } == ["in_use"])
    #expect(kept["kept"].list.first?["detail"].text == "by \(path)")
    #expect(kept["unmet"].list.map(\.text) == ["over_size"])
    let shown = try await host.run("cache", "show", image.id).succeeded()["bases"].list
    #expect(shown.first?["clean"]["why"].text == "in_use")
    try await Compare.guest(path, "qcow2", image.file, "raw")
    try await host.delete(disk)
    let gone = try await clean(host)
    #expect(gone["evicted"].list.map { $0["rule"].text } == ["over_size"])
    #expect(gone["evicted"].list.first?["path"].text == base)
    // Bytes that were allocated: the image has holes.
    let reclaimed = try #require(gone["reclaimed"].int)
    #expect(reclaimed > 0 && reclaimed < 20 << 20)
    host.expectEmptyStore()
    // The way back is open.
    try await host.run("fetch", image.id).succeeded()
  }

  @Test func aDryRunTouchesNothing() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    let path = try await base(host, image.id)
    let plan = try await clean(host, ["--dry-run"])
    #expect(plan["dry_run"] == .bool(true))
    #expect(plan["evicted"].list.map { $0["path"].text } == [path])
    #expect(FileManager.default.fileExists(atPath: path))
    let words = try await host.runForPeople("cache", "clean", "--dry-run")
    #expect(words.output.hasPrefix("would go"))
    #expect(words.errors.contains("1 would go"))
  }

  @Test func aPinKeepsABaseUntilItIsTakenAway() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    _ = try await base(host, image.id)
    let pinned = try await host.run("cache", "pin", image.id, "--note", "golden", "--expires", "7d").succeeded()
    #expect(pinned["outcome"].text == "pinned")
    #expect(pinned["bases"].list.first?["pin"]["note"].text == "golden")
    #expect(pinned["bases"].list.first?["pin"]["expires"].text != nil)
    #expect(try await clean(host)["kept"].list.map { $0["reason"].text } == ["pinned"])
    // The catalog is only an index.
    try FileManager.default.removeItem(atPath: host.store + "/catalog.sqlite")
    #expect(try await clean(host)["kept"].list.map { $0["reason"].text } == ["pinned"])
    let refused = try await host.run("cache", "purge", image.id)
    #expect(refused.status == 7)
    let unpinned = try await host.run("cache", "unpin", image.id).succeeded()
    #expect(unpinned["outcome"].text == "unpinned")
    #expect(try await host.run("cache", "unpin", image.id).succeeded()["outcome"].text == "absent")
    #expect(try await clean(host)["evicted"].list.count == 1)
    try await host.run("cache", "pin", image.id).failed(3, "base_not_found")
  }

  @Test func aBaseThatAnotherProcessReadsSurvives() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    let path = try await base(host, image.id)
    let reader = try Program.start(
      "/bin/sh", ["-c", "exec 9<\"$0\"; echo open; exec sleep 60", path], environment: ["PATH": "/usr/bin:/bin"])
    defer { kill(reader.pid, SIGKILL) }
    try await until { FileManager.default.fileExists(atPath: "/proc/\(reader.pid)/fd/9") }
    let kept = try await clean(host)
    #expect(kept["kept"].list.map { $0["reason"].text } == ["in_use"])
    #expect(FileManager.default.fileExists(atPath: path))
    #expect(host.stored("tmp").isEmpty)
    kill(reader.pid, SIGKILL)
    _ = try await reader.wait()
    #expect(try await clean(host)["evicted"].list.count == 1)
  }

  @Test(arguments: ["disk.rescue", "disk.local", "disk.eph0", "snapshot"])
  func whateverStandsOnABaseInNovasDirectoryKeepsIt(_ name: String) async throws {
    let image = try await Images.shared.local()
    let host = try host()
    let path = try await base(host, image.id)
    let (instances, environment) = try instances(host)
    try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "qcow2", instances + "/i/\(name)")
    let kept = try await clean(host, environment: environment)
    #expect(kept["kept"].list.first?["detail"].text == "by \(instances)/i/\(name)")
    try FileManager.default.removeItem(atPath: instances + "/i/\(name)")
    #expect(try await clean(host, environment: environment)["evicted"].list.count == 1)
  }

  @Test func aDiskThatCannotBeReadKeepsWhatItMayStandOnAndIsTold() async throws {
    let (one, other) = (try await Images.shared.local(), try await Images.shared.raw())
    let host = try host()
    let (path, otherPath) = (try await base(host, one.id), try await base(host, other.id))
    let (instances, environment) = try instances(host)
    let disk = instances + "/i/disk"
    try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "qcow2", disk)
    // The name is whole, the rest is not: only that base stays.
    try await Compare.tool("dd", "if=/dev/urandom", "of=\(disk)", "bs=1", "seek=20", "count=16", "conv=notrunc", "status=none")
    let some = try await clean(host, environment: environment)
    #expect(some["evicted"].list.map { $0["path"].text } == [otherPath])
    #expect(some["disks"]["unreadable"].list.map { $0["path"].text } == [disk])
    // Nothing is left of the header: it may stand on anything.
    try Data().write(to: URL(fileURLWithPath: disk))
    let none = try await clean(host, environment: environment)
    #expect(none["evicted"].list.isEmpty)
    #expect(none["kept"].list.map { $0["reason"].text } == ["unreadable_disk"])
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test func aYoungBaseStays() async throws {
    let image = try await Images.shared.local()
    let host = try host("clean: { unused_for: 0, min_age: 1h, max_bytes: 1 }")
    _ = try await base(host, image.id)
    #expect(try await clean(host)["kept"].list.map { $0["reason"].text } == ["young"])
  }

  @Test func maintenanceStopsCleaning() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    _ = try await base(host, image.id)
    try await host.run("maintenance", "on", "--note", "moving").succeeded()
    try await host.run("cache", "clean").failed(7, "busy")
    let plan = try await clean(host, ["--dry-run"])
    #expect(plan["blocked"].list.map { $0["reason"].text } == ["maintenance"])
    #expect(plan["kept"].list.map { $0["reason"].text } == ["blocked"])
    try await host.run("maintenance", "off").succeeded()
    #expect(try await clean(host)["evicted"].list.count == 1)
  }

  @Test(arguments: ["delete", "deactivate", "corrupt-hash"])
  func aBaseWhoseImageIsGoneGoesAtOnce(_ verb: String) async throws {
    let image = try await Images.fresh()
    let host = try host("clean: { unused_for: 24h, min_age: 0, max_bytes: 0, min_free: 1% }")
    _ = try await base(host, image.id)
    #expect(try await clean(host)["kept"].list.map { $0["reason"].text } == ["not_needed"])
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    try await Images.glance(verb, image.id)
    #expect(try await clean(host)["kept"].list.map { $0["reason"].text } == ["in_use"])
    try await host.delete(disk)
    let gone = try await clean(host)
    #expect(gone["evicted"].list.map { $0["rule"].text } == ["image_gone"])
    #expect(gone["unasked"] == .null)
  }

  @Test func withoutTheImageServiceCleaningGoesOn() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    _ = try await base(host, image.id)
    let away = try host.reconfigured { settings, _ in
      settings.more = [Self.strict]
      settings.endpoint = "http://127.0.0.1:1"
    }
    let gone = try await clean(away)
    #expect(gone["unasked"].text?.contains("image service") == true)
    #expect(gone["evicted"].list.count == 1)
  }

  @Test func purgingRemovesWhatNothingUses() async throws {
    let image = try await Images.shared.local()
    let host = try host("clean: { min_age: 1h }")
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    let refused = try await host.run("cache", "purge", image.id)
    #expect(refused.status == 7)
    #expect(try refused.document()["kept"].list.map { $0["reason"].text } == ["in_use"])
    try await host.delete(disk)
    let gone = try await host.run("cache", "purge", image.id).succeeded()
    #expect(gone["evicted"].list.map { $0["rule"].text } == ["purge"])
    host.expectEmptyStore()
    try await host.run("cache", "purge", image.id).failed(3, "base_not_found")
  }

  @Test func theListIsSortedAndFiltered() async throws {
    let (small, large) = (try await Images.shared.local(), try await Images.shared.raw())
    let host = try host()
    let (one, other) = (try await base(host, small.id), try await base(host, large.id))
    try await host.run("cache", "pin", small.id).succeeded()
    func list(_ words: String...) async throws -> [String?] {
      try await host.start(["cache", "list"] + words).wait().succeeded()["bases"].list.map { $0["path"].text }
    }
    #expect(try await list("--sort", "virtual") == [one, other])
    #expect(try await list("--sort", "virtual", "--reverse") == [other, one])
    #expect(try await list("--pinned") == [one])
    #expect(try await list("--format", "raw") == [])
    #expect(try await list("--route", "export") == [other])
    #expect(try await list("--unused-for", "1h") == [])
    #expect(try await list("--damaged") == [])
  }

  /// A byte of a base is turned over behind everybody's back.
  func damage(_ path: String) throws {
    let bytes = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try bytes.seek(toOffset: 1 << 19)
    let byte = try #require(try bytes.read(upToCount: 1)?.first)
    try bytes.seek(toOffset: 1 << 19)
    try bytes.write(contentsOf: Data([byte ^ 0xFF]))
    try bytes.close()
  }

  @Test func aDamagedBaseLeavesUnlessADiskStandsOnIt() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    let path = try await base(host, image.id)
    let sound = try await host.run("cache", "verify").succeeded()
    #expect(sound["counts"]["sound"].int == 1)
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    try damage(path)
    let used = try await host.run("cache", "verify", image.id)
    #expect(used.status == 4)
    let marked = try #require(try used.document()["bases"].list.first)
    #expect(marked["consequence"].text == "marked")
    #expect(marked["used_by"].list.map(\.text) == [made["path"].text])
    #expect(FileManager.default.fileExists(atPath: path))
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "qcow2").failed(4, "base_damaged")
    try await host.delete(disk)
    let gone = try await host.run("cache", "verify", image.id, "--refetch").succeeded()
    let replaced = try #require(gone["bases"].list.first)
    #expect(replaced["consequence"].text == "quarantined")
    #expect(replaced["refetched"].text == path)
    #expect(try await host.run("cache", "verify").succeeded()["counts"]["sound"].int == 1)
  }

  /// Disks are made while everything that may go does: none ever lacks its base.
  @Test func aDiskThatIsJustMadeKeepsItsBase() async throws {
    let image = try await Images.shared.local()
    let host = try host()
    let cleaner = Task {
      var evicted = 0
      while !Task.isCancelled { evicted += try await clean(host)["evicted"].list.count }
      return evicted
    }
    for _ in 0..<6 {
      let disk = host.diskName()
      let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
      try await Compare.guest(try #require(made["path"].text), "qcow2", image.file, "raw")
      try await host.delete(disk)
      // Time for the cleaner.
      try await Task.sleep(for: .milliseconds(150))
    }
    // Nothing uses it now, so one of the next cleanings takes it, if none did before.
    try await eventually("the base goes") { host.stored("bases").isEmpty }
    cleaner.cancel()
    #expect(try await cleaner.value > 0)
  }

  private func until(_ condition: () -> Bool) async throws {
    for _ in 0..<500 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
    try #require(condition())
  }
}
