import Cleaner
import Disks
import Foundation
import ImageFormats
import ImageStore
import Libvirt
import Model
import Runtime
import Testing

@testable import Agent

/// Cleaning on a host whose libvirt knows of disks that lie under none of our directories.
@Suite(.timeLimit(.minutes(2))) struct DomainTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  /// A node of libvirt's test driver with a running domain on these disks.
  private func node(_ disks: [(path: String, format: String)], more: String = "") throws -> String {
    let path = "\(bed.path)/node.xml"
    let devices = zip(disks, "abcdefgh").map { disk, letter in
      "<disk type='file'><driver type='\(disk.format)'/><source file='\(disk.path)'/><target dev='vd\(letter)'/></disk>"
    }
    let domain =
      "<domain type='test'><name>web</name><memory>8192</memory><os><type>hvm</type></os><devices>\(devices.joined())\(more)</devices></domain>"
    try "<node>\(domain)</node>".write(toFile: path, atomically: true, encoding: .utf8)
    return "test://\(path)"
  }

  /// An overlay outside every directory of disks.
  private func overlay(_ name: String, on base: String) throws -> String {
    let path = "\(bed.path)/far-\(name)"
    let overlay = try Qcow2Overlay(virtualSize: 1 << 20, backingPath: base, backingFormat: .raw)
    var bytes = [UInt8](repeating: 0, count: Int(overlay.fileSize))
    for write in overlay.writes { bytes.replaceSubrange(Int(write.offset)..<Int(write.offset) + write.bytes.count, with: write.bytes) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func fetched() async throws -> String { try await bed.fetch(bed.request()).path }

  @Test func aDomainsOverlayOutsideEveryRootKeepsItsBaseAndIsNamed() async throws {
    let base = try await fetched()
    let disk = try overlay("disk", on: base)
    try await bed.withAgent(CleanTests.strict, libvirt: node([(disk, "qcow2")])) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.inUse])
      #expect(report.kept.first?.detail == "by \(disk) (domain web)")
      let name = URL(fileURLWithPath: base).lastPathComponent
      let outlook = try await agent.cleanOutlook(of: [name], context: bed.context)
      #expect(outlook[name]?.users == [BaseUser(disk: disk, domains: ["web"])])
    }
    // Without libvirt nobody knows.
    try await bed.withAgent(CleanTests.strict) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.evicted.count == 1)
    }
  }

  @Test func aBaseThatADomainHasItselfStays() async throws {
    let base = try await fetched()
    try await bed.withAgent(CleanTests.strict, libvirt: node([(base, "raw")])) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.first?.detail == "by \(base) (domain web)")
    }
  }

  @Test func aDomainWhoseDiskIsGoneStopsNothing() async throws {
    _ = try await fetched()
    try await bed.withAgent(CleanTests.strict, libvirt: node([("\(bed.path)/gone.qcow2", "qcow2")])) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.evicted.count == 1)
    }
  }

  @Test func aDiskThatNobodyCanFindKeepsEveryBase() async throws {
    _ = try await fetched()
    let volume = "<disk type='volume'><driver type='qcow2'/><source pool='nowhere' volume='v'/><target dev='vdz'/></disk>"
    try await bed.withAgent(CleanTests.strict, libvirt: node([], more: volume)) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.unreadableDisk])
      #expect(report.kept.first?.detail?.hasPrefix("domain 'web': ") == true)
    }
  }

  @Test func aLibvirtThatDoesNotAnswerEvictsNothingAndIsSaid() async throws {
    _ = try await fetched()
    let uri = "qemu+unix:///system?socket=\(bed.path)/no-socket"
    try await bed.withAgent(CleanTests.strict, libvirt: uri) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.blocked] && report.evicted.isEmpty)
      #expect(report.barriers.map(\.reason) == [.libvirtUnreachable])
      #expect(report.barriers.first?.detail.contains(uri) == true)
      let purged = try await agent.purge(Bed.id?.text ?? "", context: bed.context)
      #expect(purged.kept.map(\.reason) == [.blocked])
    }
    #expect(bed.names("bases").count == 1)
  }

  @Test func aDomainThatIsDefinedAfterTheDecisionKeepsItsBase() async throws {
    let base = try await fetched()
    let disk = try overlay("late", on: base)
    try await bed.withAgent(CleanTests.strict, libvirt: node([])) { agent in
      let store = try await agent.store(bed.context)
      let name = try #require(try await store.list(sortedBy: .name).first).name
      let lock = try await store.lock(name, context: bed.context)
      // The decision is made; the look under the lock waits for ours.
      async let cleaning = agent.clean(dryRun: false, context: bed.context)
      try await Task.sleep(for: .milliseconds(300))
      try await agent.libvirt?.call("define a domain") { libvirt in
        _ = try libvirt.define(
          domain:
            "<domain type='test'><name>late</name><memory>8192</memory><os><type>hvm</type></os><devices><disk type='file'><driver type='qcow2'/><source file='\(disk)'/><target dev='vda'/></disk></devices></domain>"
        )
      }
      lock.release()
      let report = try await cleaning
      #expect(report.evicted.isEmpty)
      #expect(report.kept.map(\.reason) != [.notNeeded])
    }
    #expect(FileManager.default.fileExists(atPath: base))
  }

  @Test func aHostThatNeverHadLibvirtIsNotHeldUpByADefault() {
    #expect(!Agent.hasLibvirt { _ in false })
    #expect(Agent.hasLibvirt { $0 == "/var/lib/libvirt/qemu" })
    #expect(Agent.hasLibvirt { $0 == "/etc/libvirt/qemu" })
  }
}
