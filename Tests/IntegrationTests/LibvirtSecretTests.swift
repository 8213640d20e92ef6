import Foundation
import Testing

/// The cephx secret with which libvirt opens disks in a pool.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct LibvirtSecretTests {
  private func doctor(_ host: LibvirtHost) async throws -> JSON {
    try #require(
      try await host.host.run("doctor").document()["checks"].list.first { $0["name"].text == "libvirt secret" })
  }

  private func xml(_ host: LibvirtHost) async throws -> String {
    let disk = host.host.diskName()
    let made = try await host.clone(disk)
    try await host.host.delete(disk)
    return try #require(made["libvirt"]["disk_xml"].text)
  }

  @Test func oneThatIsThereIsReused() async throws {
    try await LibvirtHost.with(isInCeph: true, secret: false, { $0.target = "rbd" }) { host in
      let uuid = try await host.define(secret: host.usage)
      #expect(try await xml(host).contains("<secret type='ceph' uuid='\(uuid)'/>"))
      #expect(try await host.secrets(host.usage) == [uuid])
      let check = try await doctor(host)
      #expect(check["status"].text == "ok" && check["detail"].text?.contains("holds the key") == true, "\(check)")
    }
  }

  @Test func aPrivateOneIsReusedUnseen() async throws {
    try await LibvirtHost.with(isInCeph: true, secret: false, { $0.target = "rbd" }) { host in
      let uuid = try await host.define(secret: host.usage, isPrivate: true)
      let disk = host.host.diskName()
      let made = try await host.clone(disk)
      #expect(made["libvirt"]["disk_xml"].text?.contains(uuid) == true)
      try await LibvirtHost.with(host.guest(made)) { try await $0.prints(host.marker) }
      try await host.host.delete(disk)
      #expect(try await doctor(host)["status"].text == "ok")
    }
  }

  @Test func withAnotherUsageNameItIsNotTakenAndDoctorNamesWhatIsThere() async throws {
    try await LibvirtHost.with(isInCeph: true, secret: false, { $0.target = "rbd" }) { host in
      let other = "another \(host.usage)"
      _ = try await host.define(secret: other)
      #expect(try await xml(host).contains("usage='\(host.usage)'"))
      let check = try await doctor(host)
      #expect(check["status"].text == "failed" && check["detail"].text?.contains(other) == true, "\(check)")
      #expect(check["hint"].text?.contains("libvirt.secret") == true)
    }
  }

  @Test func whereConfiguredItIsMadeAndOpensTheDisk() async throws {
    try await LibvirtHost.with(isInCeph: true, secret: false, createSecret: true, { $0.target = "rbd" }) { host in
      let disk = host.host.diskName()
      let made = try await host.clone(disk)
      let uuid = try #require(try await host.secrets(host.usage).first)
      #expect(made["libvirt"]["disk_xml"].text?.contains(uuid) == true)
      let value = try await host.virsh("secret-get-value", uuid).trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(value == (try host.key()))
      try await LibvirtHost.with(host.guest(made)) { try await $0.prints(host.marker) }
      // What we print and log holds no key.
      let logged = try await host.host.run("disk", "show", disk, "--verbose")
      #expect(!logged.output.contains(value) && !logged.errors.contains(value))
      try await host.host.delete(disk)
    }
  }

  @Test func oneWithAnotherKeyIsToldByDoctor() async throws {
    try await LibvirtHost.with(isInCeph: true, secret: false, { $0.target = "rbd" }) { host in
      let uuid = try await host.define(secret: host.usage)
      try await host.virsh("secret-set-value", uuid, "--base64", "QUJD")
      let check = try await doctor(host)
      #expect(check["status"].text == "failed" && check["hint"].text?.contains("virsh secret-set-value \(uuid)") == true, "\(check)")
    }
  }

  @Test func aViewOfThePoolIsDefinedWhereConfigured() async throws {
    try await LibvirtHost.with(isInCeph: true) { host in
      let disk = host.host.diskName()
      let view = "\(host.pool)-rbd"
      let other = try host.host.reconfigured { settings, _ in
        settings.libvirt = "{ uri: \"\(host.virsh.uri)\", pool: \(host.pool), secret: \"\(host.usage)\", rbd_pool: \(view) }"
      }
      let words = ["disk", "create", disk, "--image", try host.location, "--disk-format", "raw", "--target", "rbd"]
      let made = try await other.start(words).wait().succeeded()
      #expect(made["libvirt"]["pool"].text == view && made["libvirt"]["volume"].text == disk)
      try await host.virsh("pool-start", view)
      #expect(try await host.virsh("vol-list", view).contains(disk))
      try await host.host.delete(disk)
    }
  }
}
