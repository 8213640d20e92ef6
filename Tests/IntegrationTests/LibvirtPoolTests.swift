import Foundation
import Testing

/// The storage pool over the store, on a real libvirtd.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct LibvirtPoolTests {
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

  @Test func aBurstOfBasesIsOneRefreshOrFew() async throws {
    var images: [String] = []
    for _ in 0..<6 { images.append(try await Images.fresh().id) }
    try await LibvirtHost.with { host in
      _ = try await fetch(host)
      let log = host.host.scratch.file("events")
      let words = "exec virsh -c '\(host.virsh.uri)' pool-event --pool \(host.pool) --event refresh --loop > \(log) 2>&1"
      let listener = try Program.start("/bin/sh", ["-c", words], environment: ["PATH": "/usr/bin:/bin"])
      func heard() -> Int {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").filter { $0.contains("refresh") }.count
      }
      for _ in 0..<100 where heard() == 0 { try await host.virsh("pool-refresh", host.pool) }
      try #require(heard() > 0, "the listener hears nothing")
      // None of those is still on its way.
      var known = -1
      while known != heard() {
        known = heard()
        try await host.virsh("pool-info", host.pool)
      }
      let before = heard()
      try await host.host.start(["prewarm", "--jobs", "6"] + images).wait().succeeded()
      #expect(try await volumes(host).count == 7)
      try await eventually("it was told") { heard() > before }
      #expect(heard() - before < 6, "\(heard() - before) refreshes")
      listener.interrupt()
      _ = try await listener.wait()
    }
  }

  @Test func ofManyProcessesAtOnceEveryBaseIsSeen() async throws {
    try await LibvirtHost.with { host in
      var running: [Program] = []
      for number in 1...12 {
        let path = host.host.scratch.file("image-\(number).raw")
        try Guest.image(marker: "number \(number)", to: path)
        running.append(try host.host.start(["fetch", path, "--disk-format", "raw"]))
      }
      for program in running { try await program.wait().succeeded() }
      #expect(try await volumes(host).count == 12)
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
