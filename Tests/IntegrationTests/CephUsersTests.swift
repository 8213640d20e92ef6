import Foundation
import Testing

/// `etc/ceph/make-users`: the cephx users that it makes can do what a host needs, and no more.
@Suite(.timeLimit(.minutes(30))) struct CephUsersTests {
  @Test func theUsersSufficeAndMayDoNoMore() async throws {
    let image = try await Images.shared.raw()
    let stack = try Stack.current()
    let keyrings = try Scratch()
    let user = "it-" + UUID().uuidString.lowercased().prefix(8)
    defer { for name in [user, user + "-image", user + "-upload"] { _ = try? stack.ceph("auth", "rm", "client.\(name)") } }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let words = [
      "--run", "--upload", "--bases", "slipway-bases", "--user", user, "--conf", try stack.text("ceph", "admin_conf"), "--keyrings",
      keyrings.path,
    ]
    try Command.run(root.appendingPathComponent("etc/ceph/make-users").path, words).requireSuccess()
    // The stack's own, with other keyrings.
    let lines = try String(contentsOfFile: stack.conf, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("keyring") }
    let conf = keyrings.file("ceph.conf")
    try (lines.joined(separator: "\n") + "\nkeyring = \(keyrings.path)/ceph.client.$id.keyring\n").write(
      toFile: conf, atomically: true, encoding: .utf8)
    let host = try Host { settings, _ in
      settings.clusters[0].conf = conf
      settings.clusters[0].user = user
      settings.clusters[0].imageUser = user + "-image"
    }
    try await host.run("doctor").succeeded()
    let disk = host.diskName()
    #expect(try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()["route"].text == "clone")
    try await host.delete(disk)
    #expect(try await host.run("fetch", image.id).succeeded()["route"].text == "export")
    let other = try await PoolBaseTests.qcow2()
    let clone = host.diskName()
    #expect(try await host.run("disk", "create", clone, "--image", other.id, "--target", "rbd").succeeded()["route"].text == "base_clone")
    try await host.delete(clone)
    try await host.run("cache", "purge", other.id).succeeded()
    for (name, arguments) in [
      (user + "-image", ["ls", "vms"]), (user + "-image", ["create", "images/\(user)", "--size", "1"]),
      (user, ["create", "images/\(user)", "--size", "1"]), (user + "-upload", ["create", "vms/\(user)", "--size", "1"]),
    ] {
      #expect(try Command.run("rbd", ["-c", conf, "--id", name] + arguments).status == 1, "\(name) may \(arguments)")
    }
  }
}
