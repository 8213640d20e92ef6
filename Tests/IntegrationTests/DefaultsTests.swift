import FaultServer
import Foundation
import Testing

/// With nothing configured: a home directory, and what the user types.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DefaultsTests {
  let scratch: Scratch
  let stack: Stack

  init() throws {
    scratch = try Scratch()
    stack = try Stack.current()
    try #require(!FileManager.default.fileExists(atPath: "/etc/slipway/slipway.yaml"), "this host has a configuration")
  }

  func run(_ words: String..., environment: [String: String] = [:]) async throws -> Ending {
    let base = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": scratch.path, "SWIFT_BACKTRACE": "enable=no"]
    return try await Program.start(
      Host.executable(), words + ["--json"], environment: base.merging(environment) { $1 }, directory: scratch.path
    ).wait()
  }

  var store: String { scratch.file(".local/state/slipway/images/bases") }

  @Test func aFileIsFetched() async throws {
    let file = try scratch.sparse("disk.img", size: 5 << 20, runs: [(4096, 1 << 20)], seed: 51)
    let fetched = try await run("fetch", "./disk.img", "--disk-format", "raw").succeeded()
    let path = try #require(fetched["path"].text)
    #expect(fetched["route"].text == "file")
    #expect(path.hasPrefix(store))
    try await Compare.guest(path, "qcow2", file, "raw")
    let hit = try await run("fetch", "file://" + file, "--disk-format", "raw").succeeded()
    #expect(hit["outcome"].text == "hit")
    // The same name with other bytes is another base.
    _ = try scratch.sparse("disk.img", size: 6 << 20, runs: [(0, 1 << 20)], seed: 52)
    let changed = try await run("fetch", "./disk.img", "--disk-format", "raw").succeeded()
    #expect(changed["outcome"].text == "fetched")
    try await Compare.guest(#require(changed["path"].text), "qcow2", file, "raw")
  }

  @Test func whatMostVerbsDoNotNeedIsNotLoadedWithTheProgram() async throws {
    let libraries = try Command.run("ldd", [Host.executable()]).requireSuccess().output
    #expect(libraries.contains("libsqlite3"))
    for name in ["librbd", "librados", "libvirt", "libcurl"] { #expect(!libraries.contains(name), "\(name) is linked") }
  }

  @Test func aURLIsFetched() async throws {
    let file = try scratch.sparse("bytes", size: 1 << 20, runs: [(0, 300_000)], seed: 53)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let server = try FaultServer { _ in FaultReply(200, body: bytes) }
    let fetched = try await run("fetch", server.url + "/a.raw", "--disk-format", "raw", "--format", "raw").succeeded()
    #expect(fetched["route"].text == "download")
    try await Compare.same(#require(fetched["path"].text), file)
  }

  @Test func aSnapshotIsFetchedWithTheCephConfAtHand() async throws {
    let image = try await Images.shared.raw()
    let url = "rbd://\(try stack.fsid)/images/\(image.id)/snap"
    let environment = ["CEPH_CONF": try stack.conf, "CEPH_ARGS": "--id slipway-image"]
    let fetched = try await run("fetch", url, "--disk-format", "raw", "--format", "raw", environment: environment).succeeded()
    #expect(fetched["route"].text == "export")
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test func aDiskIsMadeOfAFile() async throws {
    let file = try scratch.sparse("disk.img", size: 2 << 20, runs: [(0, 1 << 20)], seed: 54)
    let made = try await run("disk", "create", "first", "--image", file, "--disk-format", "raw", "--size", "1G").succeeded()
    #expect(made["target"].text == "qcow2")
    #expect(made["path"].text == scratch.file(".local/state/slipway/disks/first.qcow2"))
    try await Compare.guest(#require(made["path"].text), "qcow2", file, "raw")
    #expect(try await run("disk", "delete", "first").succeeded()["outcome"].text == "deleted")
  }

  @Test func theStateDirectoryIsTheUsersOwnChoice() async throws {
    _ = try scratch.sparse("disk.img", size: 1 << 20, runs: [(0, 4096)], seed: 55)
    let state = scratch.file("state")
    let fetched = try await run("fetch", "./disk.img", "--disk-format", "raw", environment: ["XDG_STATE_HOME": state]).succeeded()
    #expect(fetched["path"].text?.hasPrefix(state + "/slipway/images/bases/") == true)
  }

  @Test func anImageIdNeedsAnImageService() async throws {
    let error = try await run("fetch", UUID().uuidString.lowercased()).failed(2, "configuration")
    #expect(error["hint"].text != nil)
    let name = try await run("fetch", "debian-12")
    try name.failed(2, "configuration")
  }

  @Test func theImageServiceThatTheEnvironmentNamesIsUsed() async throws {
    let image = try await Images.shared.raw()
    let environment = ["OS_CLIENT_CONFIG_FILE": try stack.text("clouds_yaml"), "OS_CLOUD": "slipway-reader"]
    let ending = try await run("plan", image.id, environment: environment)
    #expect(try ending.document()["image"].text == image.id)
  }

  @Test func theFormatIsNeverGuessed() async throws {
    _ = try scratch.sparse("disk.raw", size: 1 << 20, runs: [(0, 4096)], seed: 56)
    try await run("fetch", "./disk.raw").failed(2, "usage")
    #expect(!FileManager.default.fileExists(atPath: store))
  }

  @Test func doctorSaysWhatIsNotThere() async throws {
    let ending = try await run("doctor")
    #expect(ending.status == 0, "\(ending.output)")
    let checks = try ending.document()["checks"].list
    #expect(checks.filter { $0["status"].text == "warning" }.compactMap { $0["name"].text } == ["ceph", "image service"], "\(checks)")
  }
}
