import Foundation
import Libvirt
import Model
import Testing

@Suite("libvirt's domains, pools and events", .timeLimit(.minutes(2)))
struct DomainTests {
  @Test("Domains are listed by what they are, and described")
  func domains() async throws {
    let node = try Node(domains: [Node.domain("a", disks: ["/d/a.qcow2"]), Node.domain("b")])
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let (active, inactive, xml) = try await client.call("list domains") { libvirt in
      _ = try libvirt.define(domain: Node.domain("c"))
      let xml = try libvirt.domain("a").xml()
      return (try libvirt.domains(.active).map(\.name).sorted(), try libvirt.domains(.inactive).map(\.name), xml)
    }
    #expect(active == ["a", "b"] && inactive == ["c"])
    #expect(xml.contains("/d/a.qcow2"))
    await client.close()
  }

  @Test("A domain is found by name and by UUID; one that is not there is domain_not_found")
  func lookup() async throws {
    let node = try Node(domains: [Node.domain("a")])
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let same = try await client.call("look") { libvirt in try libvirt.domain(try libvirt.domain("a").uuid).name }
    #expect(same == "a")
    for absent in ["nobody", "11111111-2222-3333-4444-555555555555"] {
      await #expect(throws: SlipwayError.self) { try await client.call("look") { _ = try $0.domain(absent) } }
      do { try await client.call("look") { _ = try $0.domain(absent) } } catch let error as SlipwayError {
        #expect(error.code == .domainNotFound && error.object == absent)
      }
    }
    await client.close()
  }

  @Test("A guest's file systems are frozen and go on; those of a domain that is shut off cannot be")
  func freezing() async throws {
    let node = try Node(domains: [Node.domain("a")])
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let (frozen, thawed) = try await client.call("freeze") { libvirt in
      let domain = try libvirt.domain("a")
      let frozen = try domain.freeze()
      return (frozen, try domain.thaw())
    }
    #expect(frozen > 0 && thawed == frozen)
    await #expect(throws: SlipwayError.self) {
      try await client.call("freeze") { libvirt in
        _ = try libvirt.define(domain: Node.domain("c"))
        _ = try libvirt.domain("c").freeze()
      }
    }
    await client.close()
  }

  @Test("Metadata under our namespace is written, read and removed")
  func metadata() async throws {
    let node = try Node(domains: [Node.domain("a")])
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let (before, after, gone) = try await client.call("note") { libvirt in
      let domain = try libvirt.domain("a")
      let before = try domain.metadata(namespace: "urn:x:1")
      try domain.setMetadata("<base name='b'/>", key: "x", namespace: "urn:x:1", .live)
      let after = try domain.metadata(namespace: "urn:x:1")
      try domain.setMetadata(nil, key: "x", namespace: "urn:x:1", .live)
      return (before, after, try domain.metadata(namespace: "urn:x:1"))
    }
    #expect(before == nil && gone == nil)
    #expect(after?.contains("name=\"b\"") == true || after?.contains("name='b'") == true)
    await client.close()
  }

  @Test("A pool is defined, started, refreshed, found by name, and stopped")
  func pools() async throws {
    let node = try Node()
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let states = try await client.call("make a pool") { libvirt -> [Bool] in
      let missing = try libvirt.pool(named: "p") == nil
      let pool = try libvirt.define(pool: Node.pool("p", at: "/p"))
      let inactive = try !pool.isActive()
      try pool.start()
      try pool.refresh()
      let found = try libvirt.pool(named: "p")
      let active = try found?.isActive() == true && found?.uuid == pool.uuid
      let described = try pool.xml().contains("<path>/p</path>")
      let empty = try pool.volumes().isEmpty && pool.path(of: "nothing") == nil
      try pool.stop()
      try pool.undefine()
      return [missing, inactive, active, described, empty, try libvirt.pool(named: "p") == nil]
    }
    #expect(states == [true, true, true, true, true, true])
    await client.close()
  }

  @Test("What the driver refuses is libvirt_failed, with its code and its sentence")
  func refused() async throws {
    let node = try Node(domains: [Node.domain("a")])
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    do {
      try await client.call("start") { try $0.domain("a").start() }
      Issue.record("it ran already")
    } catch let error as SlipwayError {
      #expect(error.code == .libvirtFailed && error.object == "a" && error.message.hasPrefix("cannot start domain 'a': "))
      #expect(error.libvirt?.text.contains("already running") == true)
    }
    await client.close()
  }

  @Test("Who listens is told of the connection first, and then of what happens to domains and pools")
  func events() async throws {
    let node = try Node()
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri))
    let heard = Heard()
    let subscription = client.listen { heard.note($0) }
    #expect(await eventually { heard.all == [.connected] })
    try await client.call("work") { libvirt in
      let domain = try libvirt.define(domain: Node.domain("x"))
      try domain.start()
      try domain.suspend()
      try domain.resume()
      try domain.destroy()
      try domain.undefine()
      let pool = try libvirt.define(pool: Node.pool("p", at: "/p"))
      try pool.start()
      try pool.refresh()
    }
    @Sendable func changes() -> [LibvirtEvent.Change] {
      heard.all.compactMap { if case .domain(let subject, let change, _) = $0, subject.name == "x" { change } else { nil } }
    }
    #expect(await eventually { changes().last == .undefined })
    #expect(changes() == [.defined, .started, .suspended, .resumed, .stopped, .undefined])
    #expect(await eventually { heard.all.contains { if case .poolRefreshed(let pool) = $0 { pool.name == "p" } else { false } } })
    subscription.cancel()
    await client.close()
  }

  @Test("A connection that is given up on is made again for who listens, and told")
  func reconnected() async throws {
    // A node of its own: on the default one the work of other tests is heard, too.
    let node = try Node()
    defer { node.remove() }
    let client = LibvirtClient(LibvirtOptions(uri: node.uri, firstBackoff: .milliseconds(1)))
    let heard = Heard()
    let subscription = client.listen { heard.note($0) }
    #expect(await eventually { heard.all == [.connected] })
    let gate = Gate()
    await #expect(throws: SlipwayError.self) { try await client.call("hang", timeout: .milliseconds(20)) { _ in gate.wait() } }
    // On a busy machine the new connection may be given up on, too.
    #expect(await eventually { heard.all.count >= 3 && heard.all.last == .connected })
    #expect(heard.all.first == .connected)
    if case .disconnected = heard.all[1] {} else { Issue.record("it was not told: \(heard.all)") }
    gate.open()
    subscription.cancel()
    await client.close()
  }
}
