import Crypto
import Foundation
import Model
import Testing

/// A cache that an unmodified nova-compute would find warm.
@Suite(.timeLimit(.minutes(30))) struct NovaLayoutTests {
  private func base(_ image: String, in instances: String) throws -> String {
    "\(instances)/_base/\(try Digest.of(Array(image.utf8), .sha1).hex)"
  }

  @Test func anImageIsFoundWhereNovaLooksForIt() async throws {
    let image = try await Images.shared.raw()
    let (host, instances) = try novaHost()
    let fetched = try await host.run("fetch", image.id).succeeded()
    let path = try base(image.id, in: instances)
    #expect(fetched["path"].text == path)
    #expect(fetched["format"].text == "raw")
    #expect(fetched["outcome"].text == "fetched")
    try await Compare.same(path, image.file)
    let names = try FileManager.default.contentsOfDirectory(atPath: instances + "/_base")
    #expect(names.count == 1)
    let hit = try await host.run("fetch", image.name).succeeded()
    #expect(hit["outcome"].text == "hit")
    #expect(hit["path"].text == path)
    let listed = try await host.run("cache", "list").succeeded()
    #expect(listed["bases"].list.map { $0["made_by"].text } == ["slipway"])
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    let info = try await Compare.info(try #require(made["path"].text))
    #expect(info["backing-filename"].text == path)
    #expect(info["backing-filename-format"].text == "raw")
    try await host.delete(disk)
  }

  @Test(arguments: ["true", "false"]) func aQcow2ImageIsKeptAsNovaWouldKeepIt(force: String) async throws {
    let image = try await Images.shared.qcow2()
    let (host, instances) = try novaHost("force_raw_images = \(force)\n")
    let fetched = try await host.run("fetch", image.id).succeeded()
    let format = force == "true" ? "raw" : "qcow2"
    #expect(fetched["format"].text == format)
    let path = try base(image.id, in: instances)
    if format == "raw" {
      try await Compare.guest(path, "raw", image.file, "qcow2")
    } else {
      try await Compare.same(path, image.file)
    }
    try await host.run("fetch", image.id, "--format", format == "raw" ? "qcow2" : "raw").failed(4, "format_refused")
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "raw").succeeded()
    try await Compare.guest(try #require(made["path"].text), "raw", image.file, "qcow2")
    try await host.delete(disk)
  }

  @Test func whatNovaMadeIsListedKeptAndProved() async throws {
    let image = try await Images.shared.raw()
    let (host, instances) = try novaHost()
    let path = try base(image.id, in: instances)
    try FileManager.default.createDirectory(atPath: instances + "/_base", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: image.file, toPath: path)
    let inode = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
    let before = try await host.run("cache", "list").succeeded()
    #expect(before["foreign"].list.map { $0["path"].text } == [path])
    #expect(before["bases"].list.isEmpty && before["unknown"].list.isEmpty)
    let purged = try await host.run("cache", "purge", image.id)
    #expect(purged.status == 7)
    #expect(try purged.document()["kept"].list.map { $0["reason"].text } == ["not_ours"])
    let fetched = try await host.run("fetch", image.id).succeeded()
    #expect(fetched["path"].text == path)
    #expect(fetched["evidence"]["digest"].text == "matched")
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == inode)
    let after = try await host.run("cache", "show", image.id).succeeded()
    #expect(after["bases"].list.map { $0["made_by"].text } == ["nova-compute"])
    #expect(after["bases"].list.first?["clean"]["why"].text == "not_ours")
    #expect(try await host.run("fetch", image.id).succeeded()["outcome"].text == "hit")
  }

  @Test func theKernelAndTheRamdiskComeWithTheImage() async throws {
    let kernel = try await Images.fresh("--container-format", "aki", format: "aki")
    let ramdisk = try await Images.fresh("--container-format", "ari", format: "ari")
    let image = try await Images.fresh("--property", "kernel_id=\(kernel.id)", "--property", "ramdisk_id=\(ramdisk.id)")
    let (host, instances) = try novaHost()
    try await host.run("fetch", image.id).succeeded()
    for part in [kernel, ramdisk, image] { try await Compare.same(base(part.id, in: instances), part.file) }
    try await Images.glance("delete", kernel.id)
    let error = try await host.run("fetch", image.id).failed(3, "image_not_found")
    #expect(error["message"].text?.contains("kernel") == true)
  }

  @Test func aMigratedDisksBaseComesByItsImageAndInNoOtherFormat() async throws {
    let image = try await Images.shared.raw()
    let (host, instances) = try novaHost()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    let overlay = try #require(made["path"].text)
    let path = try base(image.id, in: instances)
    try FileManager.default.removeItem(atPath: path)
    let ensured = try await host.run("base", "ensure", "--for", overlay).succeeded()
    #expect(ensured["path"].text == path)
    try await Compare.same(path, image.file)
    try await Compare.tool("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", path, overlay)
    try await host.run("base", "ensure", "--for", overlay).failed(4, "format_mismatch")
    try FileManager.default.removeItem(atPath: path)
    try await host.run("base", "ensure", "--for", overlay, "--image", image.id).failed(4, "format_refused")
    #expect(!FileManager.default.fileExists(atPath: path))
    try await host.delete(disk)
  }

  @Test func aHostWhoseDisksAreInRBDIsRefused() async throws {
    let image = try await Images.shared.raw()
    let (host, instances) = try novaHost("[libvirt]\nimages_type = rbd\n")
    try await host.run("fetch", image.id).failed(4, "store_refused")
    #expect(try FileManager.default.contentsOfDirectory(atPath: instances).isEmpty)
  }

  @Test func aLocationHasNoNameInNovasCache() async throws {
    let image = try await Images.shared.raw()
    let (host, _) = try novaHost()
    try await host.run("fetch", image.file, "--disk-format", "raw").failed(2, "usage")
  }
}
