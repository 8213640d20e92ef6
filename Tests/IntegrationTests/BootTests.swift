import Foundation
import Testing

/// Machines that boot what Slipway made, on a real libvirtd and QEMU.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct BootTests {
  @Test func aMachineBootsAClone() async throws {
    try await LibvirtHost.with(isInCeph: true) { host in
      let disk = host.host.diskName()
      let made = try await host.clone(disk)
      #expect(made["route"].text == "clone")
      try await LibvirtHost.with(host.guest(made)) { try await $0.prints(host.marker) }
      try await host.host.delete(disk)
    }
  }

  @Test(arguments: [("qcow2", "qcow2"), ("raw", "qcow2"), ("qcow2", "raw")])
  func aMachineBootsADiskInAFile(base: String, target: String) async throws {
    try await LibvirtHost.with(baseFormat: base) { host in
      let made = try await host.create("vm", target: target, "--discard", "unmap", "--detect-zeroes", "unmap")
      let xml = try #require(made["libvirt"]["disk_xml"].text)
      // The chain is whole, and ends.
      #expect(xml.contains("<format type='\(base)'/>") == (target == "qcow2") && xml.contains("<backingStore/>"))
      #expect(xml.contains("discard='unmap' detect_zeroes='unmap'"))
      #expect(made["libvirt"]["pool"] == .null && made["libvirt"]["volume"] == .null)
      try await LibvirtHost.with(host.guest(made)) { try await $0.prints(host.marker) }
      try await host.host.delete("vm")
    }
  }

  @Test func twoMachinesShareABaseThatNobodyCanChangeAndOneRunsOnWhileTheOtherGoes() async throws {
    try await LibvirtHost.with(immutable: "auto") { host in
      let (one, two) = (try await host.create("one", target: "qcow2"), try await host.create("two", target: "qcow2"))
      let base = try #require(one["base"].text)
      #expect(one["base"] == two["base"])
      try await LibvirtHost.with(host.guest(one)) { first in
        try await LibvirtHost.with(host.guest(two)) { second in
          try await first.prints(host.marker)
          try await second.prints(host.marker)
          try await host.host.run("disk", "delete", "two").failed(7, "in_use")
          await second.remove()
          try await host.host.delete("two")
          try await first.ticks()
          let purge = try await host.host.run("cache", "purge", base.split(separator: "/").last.map(String.init) ?? "")
          #expect(purge.status != 0, "\(purge.output)")
          #expect(FileManager.default.fileExists(atPath: base))
          try await first.ticks()
        }
      }
      try await host.host.delete("one")
      try await host.host.run("cache", "purge", base.split(separator: "/").last.map(String.init) ?? "").succeeded()
      #expect(host.host.stored("bases").isEmpty)
    }
  }

  @Test func everyElementIsWhatLibvirtsSchemaSays() async throws {
    try await LibvirtHost.with(isInCeph: true) { host in
      let clone = host.host.diskName()
      var elements: [String] = []
      elements.append(try #require(try await host.clone(clone)["libvirt"]["disk_xml"].text))
      for (index, target) in ["qcow2", "raw"].enumerated() {
        let words = ["--device", "vd\(["b", "c"][index])", "--discard", "unmap", "--detect-zeroes", "on"]
        let made = try await host.host.start(
          ["disk", "create", "vm\(index)", "--image", host.image, "--disk-format", "raw", "--target", target] + words
        ).wait().succeeded()
        elements.append(try #require(made["libvirt"]["disk_xml"].text))
      }
      let path = host.host.scratch.file("domain.xml")
      try Guest.xml("any", disks: elements, console: "/tmp/any").write(toFile: path, atomically: true, encoding: .utf8)
      let answer = try Command.run("virt-xml-validate", [path, "domain"])
      #expect(answer.status == 0, "\(answer.output) \(answer.errors) \(elements)")
      // In text too, and without libvirt.
      let people = try await host.host.runForPeople(
        "disk", "show", "vm0", "--xml", "--device", "vdb", "--discard", "unmap", "--detect-zeroes", "on")
      #expect(people.output == elements[1] + "\n")
      try await host.host.delete(clone)
    }
  }
}
