import Foundation
import Testing

/// Everything cached, held against today's policy and inspectors.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct AuditTests {
  /// What others have in the pool meanwhile is not this test's.
  fileprivate static let noPool = "bases: { pool: it-no-such-pool }"

  @Test("what satisfies passes; what a stricter policy refuses is named with the disks on it")
  func policy() async throws {
    let (raw, qcow2) = (try await Images.shared.raw(), try await Images.shared.qcow2())
    let host = try Host { settings, _ in settings.more = [Self.noPool] }
    for image in [raw.id, qcow2.id] { try await host.run("fetch", image).succeeded() }
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", raw.id, "--target", "qcow2").succeeded()
    let good = try await host.run("cache", "audit", "--rate", "2G").succeeded()
    #expect(good["counts"]["passed"].int == 2 && good["bases"].list.allSatisfy { $0["read"].int ?? 0 > 0 })
    let strict = try host.reconfigured { settings, _ in settings.more = [Self.noPool, "trust: { formats: [qcow2] }"] }
    let ending = try await strict.run("cache", "audit")
    #expect(ending.status == 4)
    let failed = try ending.document()["bases"].list.filter { $0["verdict"].text == "failed" }
    #expect(failed.map { $0["findings"].list.map { $0["code"].text } } == [["format_not_allowed"]])
    #expect(failed.first?["used_by"].list.map(\.text) == [made["path"].text])
    let people = try await strict.runForPeople("cache", "audit")
    #expect(people.status == 4 && people.output.contains("used by \(made["path"].text ?? "?")"), "\(people.output)")
    try await host.delete(disk)
  }

  @Test("Nova's bases are judged as well: one with a backing file of the host in its header fails, and is left where it is")
  func nova() async throws {
    let host = try Host { settings, scratch in
      let instances = scratch.file("instances")
      try FileManager.default.createDirectory(atPath: instances + "/_base", withIntermediateDirectories: true)
      let file = scratch.file("nova.conf")
      try "[DEFAULT]\ninstances_path = \(instances)\nforce_raw_images = false\n".write(toFile: file, atomically: true, encoding: .utf8)
      settings.layout = "nova"
      settings.more += ["nova: { conf: \(file) }", Self.noPool]
    }
    let bases = host.scratch.file("instances/_base")
    let names = (0..<3).map { String(repeating: "\($0)", count: 40) }
    // A sound raw and a sound qcow2, and a qcow2 that reads a file of the host.
    let raw = try host.scratch.sparse("raw", size: 1 << 20, runs: [(0, 5000)], seed: 3)
    try FileManager.default.copyItem(atPath: raw, toPath: "\(bases)/\(names[0])")
    try await Compare.tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, "\(bases)/\(names[1])")
    try await Compare.tool("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", "\(bases)/\(names[2])", "1M")
    let overlay = host.scratch.file("instances/disk")
    try await Compare.tool("qemu-img", "create", "-f", "qcow2", "-F", "qcow2", "-b", "\(bases)/\(names[2])", overlay, "1M")
    let ending = try await host.run("cache", "audit", "--mark")
    #expect(ending.status == 4, "\(ending.output)")
    let document = try ending.document()
    let found = Dictionary(document["bases"].list.map { ($0["name"].text ?? "", $0) }, uniquingKeysWith: { one, _ in one })
    #expect(found[names[0]]?["verdict"].text == "passed" && found[names[1]]?["verdict"].text == "passed", "\(ending.output)")
    let bad = try #require(found[names[2]])
    #expect(bad["findings"].list.map { $0["code"].text } == ["format_refused"] && bad["made_by"].text == "nova-compute")
    #expect(bad["used_by"].list.map(\.text) == [overlay] && bad["consequence"].text == "none")
    #expect(FileManager.default.fileExists(atPath: "\(bases)/\(names[2])"))
    // Where policy asks for more than anybody knows of them, all fail.
    let strict = try await host.reconfiguredNova("trust: { digest: required }").run("cache", "audit")
    #expect(strict.status == 4)
    #expect(try strict.document()["counts"]["failed"].int == 3)
  }

  @Test("bases in pools are judged as well, by their bytes and by policy, and the disks on what fails are named")
  func pool() async throws {
    try await OwnPool.with { pool in
      let host = try pool.host()
      let (good, bad) = (try await Images.fresh("--store", "local"), try await Images.fresh("--store", "local"))
      let disks = [host.diskName(), host.diskName()]
      for (disk, image) in zip(disks, [good, bad]) {
        try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
      }
      let sound = try await host.run("cache", "audit").succeeded()
      #expect(sound["counts"]["passed"].int == 2 && sound["bases"].list.isEmpty)
      #expect(sound["pool"].list.allSatisfy { ($0["read"].int ?? 0) > 1 << 20 })
      // Bytes below librbd, which knows nothing of it: without a snapshot context they are the snapshot's, too.
      let path = try #require(try await host.run("cache", "show", bad.id).succeeded()["pool"]["bases"].list.first?["path"].text)
      let object = try await Compare.rbd(String(path.split(separator: "@")[0]), host.stack)["block_name_prefix"].text ?? ""
      let conf = try host.stack.text("ceph", "admin_conf")
      let garbage = try host.scratch.sparse("garbage", size: 4096, runs: [(0, 4096)], seed: 5)
      try await Compare.tool("rados", "-c", conf, "-p", pool.name, "put", object + ".0000000000000000", garbage, "--offset", "8192")
      let ending = try await host.run("cache", "audit", bad.id)
      #expect(ending.status == 4, "\(ending.output)")
      let failed = try #require(try ending.document()["pool"].list.first)
      #expect(failed["findings"].list.map { $0["code"].text } == ["digest_mismatch"])
      #expect(failed["used_by"].list.map(\.text) == ["vms/\(disks[1])"])
      let strict = try pool.host { settings, _ in settings.more.append("trust: { formats: [qcow2] }") }
      let refused = try await strict.run("cache", "audit", good.id)
      #expect(refused.status == 4)
      #expect(try refused.document()["pool"].list.map { $0["findings"].list.map { $0["code"].text } } == [["format_not_allowed"]])
      for disk in disks { try await host.delete(disk) }
    }
  }
}

extension Host {
  /// Another configuration of the same host with Nova's layout.
  fileprivate func reconfiguredNova(_ more: String) throws -> Host {
    let file = scratch.file("nova.conf")
    return try reconfigured { settings, _ in
      settings.layout = "nova"
      settings.more = ["nova: { conf: \(file) }", AuditTests.noPool, more]
    }
  }
}
