import Foundation
import Testing

/// Data in an erasure-coded pool, of bases and of disks. One OSD has none: Ceph wants at least two parts and one more (k ≥ 2), each on another.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct ErasureCodeTests {
  @Test func basesAndDisksHaveTheirDataInAnErasureCodedPool() async throws {
    let stack = try await OwnStack.withThreeOSDs()
    let conf = try stack.text("ceph", "admin_conf")
    try await Compare.tool(
      "ceph", "-c", conf, "osd", "erasure-code-profile", "set", "two-and-one", "k=2", "m=1", "crush-failure-domain=osd")
    try await Compare.tool("ceph", "-c", conf, "osd", "pool", "create", "parts", "4", "4", "erasure", "two-and-one")
    try await Compare.tool("ceph", "-c", conf, "osd", "pool", "set", "parts", "allow_ec_overwrites", "true")
    try await Compare.tool("ceph", "-c", conf, "osd", "pool", "application", "enable", "parts", "rbd")
    let host = try Host(on: stack) { settings, scratch in
      settings.clusters[0].conf = conf
      settings.clusters[0].user = "admin"
      settings.clusters[0].imageUser = nil
      settings.cloud = nil
      settings.diskKeys = "data_pool: parts"
      settings.more = ["bases: { pool: slipway-bases, data_pool: parts }", "clean: { min_age: 0s }"]
      settings.roots = [scratch.path]
    }
    let file = try host.scratch.sparse("typed.raw", size: 9 << 20, runs: [(0, 1 << 20), (5 << 20, 4_000_001)], seed: 17)
    let disk = host.diskName()
    let made = try await host.run(
      "disk", "create", disk, "--image", file, "--disk-format", "raw", "--target", "rbd", "--size", "1G"
    ).succeeded()
    let base = try #require(made["base"].text?.split(separator: "@").first).description
    for image in [base, "vms/\(disk)"] { #expect(try await Compare.rbd(image, stack)["data_pool"].text == "parts", "\(image)") }
    let copy = try await Compare.exported("vms/\(disk)", stack, to: host.scratch.file("out"))
    try await Compare.tool("truncate", "-s", "1G", file)
    try await Compare.same(copy, file)
    // All that there is of the bytes is in that pool, and it goes with them.
    func objects() async throws -> Int {
      try await Compare.tool("rados", "-c", conf, "-p", "parts", "ls").split(separator: "\n").filter { $0.hasPrefix("rbd_data.") }.count
    }
    #expect(try await objects() == 3, "the base's objects that are not holes")
    try await host.delete(disk)
    try await host.run("cache", "purge", String(base.split(separator: "/")[1])).succeeded()
    // Ceph takes what a snapshot held away by and by.
    let end = ContinuousClock.now + .seconds(120)
    while try await objects() > 0, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(500)) }
    #expect(try await objects() == 0)
  }
}
