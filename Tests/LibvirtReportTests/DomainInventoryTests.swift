import Foundation
import Libvirt
import LibvirtReport
import Model
import Testing

@Suite("What domains use", .timeLimit(.minutes(2))) struct DomainInventoryTests {
  private func domain(_ name: String, _ disks: [String] = []) -> String {
    "<domain type='test'><name>\(name)</name><memory>8192</memory><os><type>hvm</type></os><devices>\(disks.joined())</devices></domain>"
  }
  private func file(_ path: String, _ target: String = "vda") -> String {
    "<disk type='file'><driver type='qcow2'/><source file='\(path)'/><target dev='\(target)'/></disk>"
  }

  /// A node of the test driver of its own: `<domain>` in it runs.
  private func node(_ content: [String]) throws -> String {
    let path = NSTemporaryDirectory() + "slipway-use-\(UUID().uuidString.prefix(8)).xml"
    try "<node>\(content.joined())</node>".write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func eventually(_ condition: () async -> Bool) async -> Bool {
    for _ in 0..<3000 {
      if await condition() { return true }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  @Test("Running, paused and defined domains count, each with all its disks")
  func all() async throws {
    let path = try node([domain("runs", [file("/r/a"), file("/r/b", "vdb")]), domain("rests", [file("/p/a")])])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let client = LibvirtClient(LibvirtOptions(uri: "test://\(path)"))
    try await client.call("prepare") { libvirt in
      try libvirt.domain("rests").suspend()
      _ = try libvirt.define(domain: domain("off", [file("/o/a")]))
    }
    let use = try await DomainInventory(client).read()
    #expect(use.domains == 3 && use.unknown.isEmpty)
    #expect(
      use.files == [
        DomainFile(domain: "runs", path: "/r/a", format: "qcow2"), DomainFile(domain: "runs", path: "/r/b", format: "qcow2"),
        DomainFile(domain: "rests", path: "/p/a", format: "qcow2"), DomainFile(domain: "off", path: "/o/a", format: "qcow2"),
      ])
    await client.close()
  }

  @Test("What runs and what would run next both count")
  func both() async throws {
    let path = try node([domain("d", [file("/now")])])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let client = LibvirtClient(LibvirtOptions(uri: "test://\(path)"))
    try await client.call("prepare") { libvirt in
      let uuid = try libvirt.domain("d").uuid
      let next = domain("d", [file("/next")]).replacing("<name>", with: "<uuid>\(uuid)</uuid><name>")
      _ = try libvirt.define(domain: next)
    }
    #expect(Set(try await DomainInventory(client).read().files.map(\.path)) == ["/now", "/next"])
    await client.close()
  }

  @Test("A disk that is a volume lies where its pool says; one of no pool may be anything")
  func volumes() async throws {
    func volume(_ pool: String, _ name: String) -> String {
      "<disk type='volume'><driver type='qcow2'/><source pool='\(pool)' volume='\(name)'/><target dev='vda'/></disk>"
    }
    let path = try node([
      domain("a", [volume("p", "v.qcow2")]), domain("b", [volume("gone", "w")]), domain("c", [volume("r", "x")]),
      "<pool type='dir'><name>p</name><target><path>/pools/p</path></target></pool>",
      "<pool type='rbd'><name>r</name><source><name>vms</name><host name='h'/></source></pool>",
    ])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let client = LibvirtClient(LibvirtOptions(uri: "test://\(path)"))
    let use = try await DomainInventory(client).read()
    #expect(use.files == [DomainFile(domain: "a", path: "/pools/p/v.qcow2", format: "qcow2")])
    #expect(use.unknown.map(\.domain) == ["b"])
    #expect(use.unknown.first?.problem.contains("'gone'") == true)
    await client.close()
  }

  @Test("An answer is out of date as soon as libvirt tells of anything")
  func events() async throws {
    let path = try node([])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let client = LibvirtClient(LibvirtOptions(uri: "test://\(path)"))
    let inventory = DomainInventory(client)
    #expect(await eventually { (try? await inventory.read()).map { inventory.isCurrent($0) } == true })
    let use = try await inventory.read()
    try await client.call("define") { _ = try $0.define(domain: domain("new", [file("/n")])) }
    #expect(await eventually { !inventory.isCurrent(use) })
    let next = try await inventory.read()
    #expect(!next.says(use) && next.files.map(\.path) == ["/n"])
    inventory.stop()
    await client.close()
  }

  @Test("A libvirt that is not there is an error, never an empty answer")
  func absent() async {
    let client = LibvirtClient(LibvirtOptions(uri: "qemu+unix:///system?socket=/nonexistent/s"))
    await #expect(throws: SlipwayError.self) { try await DomainInventory(client).read() }
    await client.close()
  }
}
