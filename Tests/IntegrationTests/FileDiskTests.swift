import Foundation
import Testing

/// Overlays and flat disks on bases of the store.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct FileDiskTests {
  @Test func anOverlayStandsOnItsBase() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    let path = try #require(made["path"].text)
    let base = try #require(made["base"].text)
    #expect(made["outcome"].text == "created")
    #expect(made["route"].text == "export")
    #expect(made["size"].int == 20 << 20)
    let info = try await Compare.info(path)
    #expect(info["backing-filename"].text == base)
    #expect(info["backing-filename-format"].text == "qcow2")
    #expect(base.hasPrefix(host.store + "/bases/"))
    try await Compare.guest(path, "qcow2", image.file, "raw")
    let again = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    #expect(again["outcome"].text == "existing")
    try await host.delete(disk)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(host.stored("bases").count == 1, "the base stays")
  }

  @Test func anOverlayIsLargerThanItsBase() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--size", "1G", "--target", "qcow2").succeeded()
    let path = try #require(made["path"].text)
    #expect(try await Compare.info(path)["virtual-size"].int == 1 << 30)
    // Beyond the base a guest reads zeros; qemu-img compare says "identical" of images that differ by trailing zeros.
    try await Compare.guest(path, "qcow2", image.file, "qcow2")
    try await host.delete(disk)
  }

  @Test(arguments: ["raw", "qcow2"]) func aFlatDiskHasNoBase(format: String) async throws {
    let image = format == "raw" ? try await Images.shared.raw() : try await Images.shared.qcow2()
    let host = try Host()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--size", "64M", "--target", "raw").succeeded()
    let path = try #require(made["path"].text)
    let info = try await Compare.info(path)
    #expect(info["format"].text == "raw")
    #expect(info["virtual-size"].int == 64 << 20)
    #expect((info["actual-size"].int ?? .max) < 12 << 20, "holes stay holes")
    try await Compare.guest(path, "raw", image.file, format)
    try await host.delete(disk)
  }

  @Test func aSecondDiskMovesNothing() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await host.run("fetch", image.id).succeeded()
    let disk = host.diskName()
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    #expect(made["route"] == .null)
    let plan = try await host.run("plan", image.id, "--target", "qcow2").succeeded()
    #expect(plan["cached"] == .bool(true))
    try await host.delete(disk)
  }
}
