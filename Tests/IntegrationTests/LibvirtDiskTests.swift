import Foundation
import Testing

/// Disks that machines have: attached, told of changes, listed, and kept from deletion.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct LibvirtDiskTests {
  private func size(_ host: LibvirtHost, _ guest: Guest, _ device: String) async throws -> Int64? {
    let info = try await host.virsh("domblkinfo", guest.name, device)
    return info.firstMatch(of: /Capacity:\s+(\d+)/).flatMap { Int64($0.1) }
  }

  @Test func aDiskIsAttachedToARunningMachineAndDetachedByItsDeletion() async throws {
    try await LibvirtHost.with { host in
      let root = try await host.create("root", target: "qcow2")
      try await LibvirtHost.with(host.guest(root)) { guest in
        try await guest.prints(host.marker)
        let data = try await host.create("data", target: "raw", "--attach", guest.name, "--device", "sda")
        #expect(data["libvirt"]["domain"].text == guest.name && data["libvirt"]["device"].text == "sda")
        let path = try #require(data["path"].text)
        #expect(try await host.virsh("dumpxml", guest.name).contains(path))
        #expect(try await host.virsh("dumpxml", "--inactive", guest.name).contains(path))
        let metadata = try await host.virsh("metadata", guest.name, "urn:slipway:domain:1")
        for word in ["data", path, "verdict=", "verified=", try #require(data["base"].text)] {
          #expect(metadata.contains(word), "\(metadata)")
        }
        // The same again changes nothing.
        let again = try await host.create("data", target: "raw", "--attach", guest.name)
        #expect(again["outcome"].text == "existing" && again["libvirt"]["device"].text == "sda")
        let error = try await host.host.run("disk", "delete", "data").failed(7, "in_use")
        #expect(error["message"].text?.contains(guest.name) == true && error["hint"].text?.contains("--detach") == true)
        let gone = try await host.host.run("disk", "delete", "data", "--detach").succeeded()
        #expect(gone["outcome"].text == "deleted")
        #expect(try await !host.virsh("dumpxml", guest.name).contains(path))
        #expect(try await !host.virsh("dumpxml", "--inactive", guest.name).contains(path))
        try await guest.ticks()
      }
      try await host.host.delete("root")
    }
  }

  @Test(arguments: [("live", true, false), ("persistent", false, true)])
  func theModeSaysWhichDescriptionGetsIt(mode: String, live: Bool, persistent: Bool) async throws {
    try await LibvirtHost.with { host in
      let root = try await host.create("root", target: "qcow2")
      try await LibvirtHost.with(host.guest(root)) { guest in
        let data = try await host.create("data", target: "qcow2", "--attach", guest.name, "--attach-mode", mode)
        let path = try #require(data["path"].text)
        #expect(data["libvirt"]["device"].text == "vdb")
        #expect(try await host.virsh("dumpxml", guest.name).contains(path) == live)
        #expect(try await host.virsh("dumpxml", "--inactive", guest.name).contains(path) == persistent)
      }
    }
  }

  @Test func aDomainThatIsNotThereFailsTheRequestAndKeepsTheDisk() async throws {
    try await LibvirtHost.with { host in
      let words = ["disk", "create", "vm", "--image", host.image, "--disk-format", "raw", "--target", "qcow2", "--attach", "nobody"]
      try await host.host.start(words).wait().failed(3, "domain_not_found")
      try await host.host.run("disk", "show", "vm").succeeded()
      try await host.host.delete("vm")
    }
  }

  @Test func aRunningMachineIsToldOfItsDisksNewSize() async throws {
    try await LibvirtHost.with(isInCeph: true) { host in
      let clone = host.host.diskName()
      let (root, data) = (try await host.create("root", target: "qcow2"), try await host.clone(clone, "--device", "vdb"))
      try await LibvirtHost.with(host.guest(root, data)) { guest in
        try await guest.prints(host.marker)
        for (disk, device) in [("root", "vda"), (clone, "vdb")] {
          let changed = try await host.host.run("disk", "resize", disk, "64M").succeeded()
          #expect(changed["outcome"].text == "resized" && changed["size"].int == 64 << 20, "\(changed)")
          #expect(changed["domains"].list.map(\.text) == [guest.name])
          #expect(try await size(host, guest, device) == 64 << 20)
        }
        try await host.host.run("disk", "resize", "root", "8M").failed(4, "size_too_small")
        try await guest.ticks()
      }
      // Nobody runs them now.
      for disk in ["root", clone] {
        let changed = try await host.host.run("disk", "resize", disk, "1G").succeeded()
        #expect(changed["size"].int == 1 << 30 && changed["domains"].list.isEmpty)
        let same = try await host.host.run("disk", "resize", disk, "1G").succeeded()
        #expect(same["outcome"].text == "unchanged")
        try await host.host.delete(disk)
      }
    }
  }

  @Test func aDiskStandsAloneWhetherItRunsOrNot() async throws {
    try await LibvirtHost.with(isInCeph: true) { host in
      let clone = host.host.diskName()
      _ = try await host.clone(clone)
      let (running, idle) = (try await host.create("running", target: "qcow2"), try await host.create("idle", target: "qcow2"))
      let base = try #require(running["base"].text)
      try await LibvirtHost.with(host.guest(running)) { guest in
        try await guest.prints(host.marker)
        for disk in ["running", "idle", clone] {
          let changed = try await host.host.run("disk", "flatten", disk).succeeded()
          #expect(changed["outcome"].text == "flattened" && changed["base"] == .null, "\(changed)")
          let same = try await host.host.run("disk", "flatten", disk).succeeded()
          #expect(same["outcome"].text == "unchanged", "\(same)")
        }
        #expect(try await !host.virsh("dumpxml", guest.name).contains(base))
        try await guest.ticks()
      }
      #expect(try await Compare.rbd("vms/\(clone)", host.host.stack)["parent"] == .null)
      // Without its base it still boots.
      try await host.host.run("cache", "purge", base.split(separator: "/").last.map(String.init) ?? "").succeeded()
      let shown = try await host.host.run("disk", "show", "idle").succeeded()
      try await LibvirtHost.with(host.guest(shown)) { try await $0.prints(host.marker) }
      for disk in ["running", "idle", clone] { try await host.host.delete(disk) }
      _ = idle
    }
  }

  @Test func aDiskUnderASnapshotOfADomainStays() async throws {
    try await LibvirtHost.with { host in
      let root = try await host.create("root", target: "qcow2")
      let path = try #require(root["path"].text)
      let above = host.host.scratch.file("above.qcow2")
      try Command.run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", path, above]).requireSuccess()
      let disk =
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(above)'/><target dev='vda' bus='virtio'/></disk>"
      try await LibvirtHost.with(Guest(host.virsh, disks: [disk], in: host.host.scratch, started: false)) { guest in
        let error = try await host.host.run("disk", "delete", "root", "--detach").failed(7, "in_use")
        #expect(error["message"].text?.contains(guest.name) == true)
      }
      try await host.host.delete("root")
    }
  }

  @Test func theListJoinsDisksAndDomainsAndShowsWhatLooksLeftOver() async throws {
    try await LibvirtHost.with { host in
      let (used, unused) = (try await host.create("used", target: "qcow2"), try await host.create("unused", target: "raw"))
      let missing = host.host.scratch.file("disks/missing.qcow2")
      let lacking = "<disk type='file' device='disk'><source file='\(missing)'/><target dev='vdb'/></disk>"
      let base = try #require(used["base"].text)
      let foreign = host.host.scratch.file("disks/foreign.qcow2")
      try Command.run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, foreign]).requireSuccess()
      let element = try #require(used["libvirt"]["disk_xml"].text)
      let guest = try await Guest(host.virsh, disks: [element, lacking], in: host.host.scratch, started: false)
      try await LibvirtHost.with(guest) { guest in
        let list = try await host.host.run("disk", "list").succeeded()
        let domains = Dictionary(
          uniqueKeysWithValues: list["disks"].list.map { ($0["name"].text ?? "", $0["domains"].list.compactMap(\.text)) })
        #expect(domains["used"] == [guest.name] && domains["unused"] == [], "\(list)")
        let leftovers = list["leftovers"].list.map { ($0["kind"].text ?? "", $0["path"].text ?? "", $0["domain"].text) }
        #expect(leftovers.contains { $0 == ("missing", missing, guest.name) }, "\(leftovers)")
        #expect(leftovers.contains { $0.0 == "no_local_domain" && $0.1 == unused["path"].text }, "\(leftovers)")
        #expect(leftovers.contains { $0.0 == "foreign_overlay" && $0.1 == foreign }, "\(leftovers)")
        let people = try await host.host.runForPeople("disk", "list")
        #expect(people.output.contains("DOMAINS") && people.output.contains("lacks its disk \(missing)"))
        // Shut off, and still kept from deletion.
        try await host.host.run("disk", "delete", "used").failed(7, "in_use")
      }
      try await host.host.delete("used")
    }
  }
}
