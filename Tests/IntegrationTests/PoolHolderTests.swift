import FaultServer
import Foundation
import Runtime
import Testing

/// Who imports a base while others wait, or need not.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct PoolHolderTests {
  /// An import that has come so far and no further, since its source says nothing more.
  private struct Stalled {
    let server: FaultServer
    let file: String
    let digest: String
    let program: Program
    /// The half-made base.
    let image: String
  }

  private func stall(_ host: Host, _ pool: OwnPool) async throws -> Stalled {
    let file = try host.scratch.sparse(UUID().uuidString, size: 4 << 20, runs: [(0, 4 << 20)], seed: .random(in: 1...UInt64.max))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let digest = "sha256:" + (try await Compare.tool("sha256sum", file)).prefix(64)
    let server = try FaultServer { _ in FaultReply(200, body: bytes).with { $0.hang = 1 << 20 } }
    let before = Set(try await pool.images())
    let program = try host.start([
      "disk", "create", host.diskName(), "--image", server.url + "/x", "--disk-format", "raw", "--digest", digest, "--target", "rbd",
    ])
    let end = ContinuousClock.now + .seconds(90)
    while ContinuousClock.now < end {
      if let image = Set(try await pool.images()).subtracting(before).first {
        return Stalled(server: server, file: file, digest: digest, program: program, image: image)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw Lost()
  }

  private struct Lost: Error {}

  private func claim(_ image: String) -> String { image.replacingOccurrences(of: "slipway.base.", with: "slipway.base-claim.") }

  /// What `rados` says on the pool.
  @discardableResult
  private func rados(_ pool: OwnPool, _ words: String...) async throws -> String {
    let conf = try pool.stack.text("ceph", "admin_conf")
    return try await Compare.workers.run { try Command.run("rados", ["-c", conf, "-p", pool.name] + words).requireSuccess().output }
  }

  @Test func theClaimOfAnotherMachineIsBrokenByTheEndOfItsLeaseAlone() async throws {
    try await OwnPool.with { pool in
      let (first, second) = (try pool.host(), try pool.host { settings, scratch in settings.roots = ["/"] })
      let stalled = try await stall(first, pool)
      kill(stalled.program.pid, SIGKILL)
      _ = try await stalled.program.wait()
      // Its holder becomes a machine of which nothing can be told here: another host, another boot.
      let object = claim(stalled.image)
      let lock = try JSON(parsing: try await rados(pool, "lock", "info", object, "slipway"))
      let locker = try #require(lock["lockers"].list.first)
      let cookie = try #require(locker["cookie"].text)
      let space = try #require(cookie.firstIndex(of: " "))
      var owner = try #require(
        try JSONSerialization.jsonObject(with: Data(cookie[space...].utf8)) as? [String: Any], "the cookie tells its owner")
      owner["host"] = "another-host"
      owner["boot"] = UUID().uuidString
      let theirs = String(cookie[..<space]) + " " + String(decoding: try JSONSerialization.data(withJSONObject: owner), as: UTF8.self)
      try await rados(pool, "lock", "break", object, "slipway", try #require(locker["name"].text), "--lock-cookie", cookie)
      try await rados(pool, "setxattr", object, "cookie", theirs)
      let taken = ContinuousClock.now
      let lease = 12
      try await rados(
        pool, "lock", "get", object, "slipway", "--lock-cookie", theirs, "--lock-duration", String(lease), "--lock-type", "exclusive")
      let disk = second.diskName()
      let made = try await second.start([
        "disk", "create", disk, "--image", stalled.file, "--disk-format", "raw", "--digest", stalled.digest, "--target", "rbd",
      ]).wait().succeeded()
      #expect(ContinuousClock.now - taken >= .seconds(lease), "the lease of a machine that may live was broken")
      #expect(made["route"].text == "base_clone")
      try await Compare.same(
        try await Compare.exported("vms/\(disk)", second.stack, to: second.scratch.file("out")), stalled.file)
      // What the lost machine had begun is gone, or noted to go as soon as Ceph gives its client up.
      #expect(try await pool.images() == [stalled.image])
      try await second.delete(disk)
    }
  }

  @Test func aHitNeedsNoLocalPlaceAndWaitsForNoOtherImport() async throws {
    try await OwnPool.with { pool in
      let importer = try pool.host()
      let image = try await Images.fresh("--store", "local")
      let disk = importer.diskName()
      let made = try await importer.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
      let stalled = try await stall(importer, pool)
      // A host without any place of its own: nothing can be made below a file.
      let bare = try pool.host { settings, scratch in
        settings.store = "/dev/null/store"
        settings.disks = "/dev/null/disks"
      }
      let hit = bare.diskName()
      let answer = try await bare.run("disk", "create", hit, "--image", image.id, "--target", "rbd").succeeded()
      #expect(answer["base"].text == made["base"].text)
      #expect(kill(stalled.program.pid, 0) == 0, "the other import is still under way")
      let object = claim(stalled.image)
      #expect(try await rados(pool, "lock", "info", object, "slipway").contains("cookie"), "and holds its claim")
      kill(stalled.program.pid, SIGINT)
      _ = try await stalled.program.wait()
      try await importer.run("disk", "delete", hit).succeeded()
      try await importer.delete(disk)
    }
  }
}
