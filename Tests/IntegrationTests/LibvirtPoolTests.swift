import Foundation
import Testing

/// The storage pool over the store, on a real libvirtd.
@Suite(.fewAtATime, .timeLimit(.minutes(10))) struct LibvirtPoolTests {
  private func fetch(_ host: LibvirtHost, _ number: Int = 0) async throws -> String {
    let path = host.host.scratch.file("image-\(number).raw")
    try Guest.image(marker: "number \(number)", to: path)
    let document = try await host.host.run("fetch", path, "--disk-format", "raw").succeeded()
    return try #require(document["path"].text)
  }

  private func volumes(_ host: LibvirtHost, _ pool: String? = nil) async throws -> Set<String> {
    let list = try await host.virsh("vol-list", pool ?? host.pool)
    return Set(list.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) })
  }

  @Test func theFirstBaseDefinesItAndAPurgeIsSeenToo() async throws {
    try await LibvirtHost.with { host in
      let path = try await fetch(host)
      #expect(try await volumes(host) == [path])
      #expect(try await host.virsh("pool-info", host.pool).contains("running"))
      try await host.host.run("cache", "purge", path.split(separator: "/").last.map(String.init) ?? "").succeeded()
      #expect(try await volumes(host).isEmpty)
    }
  }

  @Test func aBurstOfBasesIsFewRefreshes() async throws {
    try await LibvirtHost.with { host in
      _ = try await fetch(host)
      let events = try Program.start(
        "/usr/bin/virsh", ["-c", host.virsh.uri, "pool-event", "--pool", host.pool, "--event", "refresh", "--loop", "--timeout", "60"],
        environment: ["PATH": "/usr/bin:/bin"])
      var paths: [String] = []
      for number in 1...12 {
        paths.append(host.host.scratch.file("image-\(number).raw"))
        try Guest.image(marker: "number \(number)", to: paths[number - 1])
      }
      try await Task.sleep(for: .milliseconds(500))
      try await host.host.start(["prewarm", "--disk-format", "raw"] + paths).wait().succeeded()
      #expect(try await volumes(host).count == 13)
      events.interrupt()
      let heard = try await events.wait().output.split(separator: "\n").filter { $0.contains("refresh") }.count
      #expect((1...4).contains(heard), "\(heard) refreshes")
    }
  }

  @Test func somebodyElsesPoolOverTheStoreIsUsed() async throws {
    try await LibvirtHost.with { host in
      try await host.host.run("cache", "list").succeeded()
      let foreign = "foreign-\(host.pool)"
      try await host.virsh("pool-define-as", foreign, "dir", "--target", host.host.store + "/bases")
      let path = try await fetch(host)
      #expect(try await volumes(host, foreign) == [path])
      #expect(try await !host.virsh.succeeds("pool-info", host.pool))
    }
  }

  @Test func oneThatWasStoppedIsStartedAgain() async throws {
    try await LibvirtHost.with { host in
      _ = try await fetch(host)
      try await host.virsh("pool-destroy", host.pool)
      let doctor = try await host.host.run("doctor").document()
      let check = doctor["checks"].list.first { $0["name"].text == "libvirt pool" }
      #expect(check?["status"].text == "warning" && check?["hint"].text?.contains("virsh pool-start \(host.pool)") == true)
      _ = try await fetch(host, 1)
      #expect(try await volumes(host).count == 2)
    }
  }

  @Test func aLibvirtThatIsNotThereFailsNoFetch() async throws {
    try await LibvirtHost.with { settings in
      settings.libvirt = "{ uri: \"qemu+unix:///system?socket=/nonexistent/libvirt-sock\" }"
    } _: { host in
      _ = try await fetch(host)
      let made = try await host.create("vm", target: "qcow2")
      #expect(made["libvirt"]["disk_xml"].text?.contains("<backingStore") == true)
      // "Nobody has it" is only said by those who know.
      try await host.host.run("disk", "delete", "vm").failed(5, "libvirt_unavailable")
    }
  }
}
