import FaultServer
import Foundation
import Testing

/// A disk moves to another host whose store lies at the same path, and its image is gone from Glance.
@Suite(.timeLimit(.minutes(30))) struct MigrationTests {
  /// A disk with changes of its guest's on a base that another host keeps, of an image that is deleted; this host's store is empty.
  struct Migrated {
    let host: Host
    let image: Uploaded
    let disk: String
    let base: String
    /// The other host's store.
    let away: String
    /// What the guest sees, made before the move.
    let flat: String

    var name: String { URL(fileURLWithPath: base).lastPathComponent }
  }

  /// `format` is the base's. The guest's writes are qemu-io's.
  func migrate(_ format: String, delete: Bool = true, upload: String = "raw") async throws -> Migrated {
    let image = upload == "raw" ? try await Images.fresh() : try await compressed()
    let host = try Host { settings, scratch in
      settings.roots = [scratch.path]
      settings.more += ["clean: { min_age: 0s, unused_for: 1s, min_free: 1%, max_bytes: 0 }"]
    }
    let base = try #require(try await host.run("fetch", image.id, "--format", format).succeeded()["path"].text)
    let (disk, flat, away) = (host.scratch.file("moved.qcow2"), host.scratch.file("flat.raw"), host.scratch.file("away"))
    try await Compare.tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", format, disk, "64M")
    try await Compare.tool("qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 1M 64k", "-c", "write -P 0xa5 40M 4k", disk)
    try await Compare.tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, flat)
    try FileManager.default.moveItem(atPath: host.store, toPath: away)
    if delete { try await Images.glance("delete", image.id) }
    return Migrated(host: host, image: image, disk: disk, base: base, away: away, flat: flat)
  }

  func compressed() async throws -> Uploaded {
    let scratch = try await Images.scratch()
    let name = UUID().uuidString
    let raw = try scratch.sparse(name, size: 6 << 20, runs: [(0, 400_000), (3 << 20, 500_000)], seed: UInt64.random(in: 1...UInt64.max))
    let file = scratch.file(name + ".qcow2")
    try await Compare.tool("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-c", raw, file)
    return try await Images.upload(file, format: "qcow2")
  }

  /// The disk shows its guest what it showed on the other host, by qemu-img's word.
  func expectSound(_ moved: Migrated) async throws {
    try await Compare.guest(moved.disk, "qcow2", moved.flat, "raw")
    let base = moved.base
    if base.hasSuffix(".qcow2") { try await Compare.tool("qemu-img", "check", "-q", "-f", "qcow2", base) }
    #expect(moved.host.stored("tmp").isEmpty)
  }

  @Test(arguments: ["qcow2", "raw"]) func aCopyOfTheOtherHostsStoreBringsTheBase(format: String) async throws {
    let moved = try await migrate(format)
    let missing = try await moved.host.run("base", "ensure", "--for", moved.disk).failed(3, "base_not_found")
    #expect(missing["hint"].text?.contains("--from") == true)
    let answer = try await moved.host.run("base", "ensure", "--for", moved.disk, "--image", moved.image.id, "--from", moved.away)
      .succeeded()
    #expect(answer["outcome"].text == "fetched")
    #expect(answer["route"].text == "file")
    #expect(answer["path"].text == moved.base)
    #expect(answer["format"].text == format)
    #expect(answer["evidence"]["digest"].text == "matched")
    try await expectSound(moved)
    let again = try await moved.host.run("base", "ensure", "--for", moved.disk).succeeded()
    #expect(again["outcome"].text == "hit")
    #expect(again["bytes"]["read"].int == 0)
  }

  @Test func theOtherHostsStoreMayBeServedOverHTTP() async throws {
    let moved = try await migrate("qcow2")
    let away = moved.away
    let server = try FaultServer { request in
      guard let data = FileManager.default.contents(atPath: away + request.path) else { return FaultReply(404) }
      return FaultReply(200, body: Array(data))
    }
    defer { server.stop() }
    let answer = try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", server.url + "/").succeeded()
    #expect(answer["route"].text == "download")
    try await expectSound(moved)
  }

  @Test func whileGlanceHasTheImageItBringsTheBase() async throws {
    let moved = try await migrate("qcow2", delete: false)
    let answer = try await moved.host.run("base", "ensure", "--for", moved.disk, "--image", moved.image.id).succeeded()
    #expect(answer["route"].text == "export")
    #expect(answer["path"].text == moved.base)
    try await expectSound(moved)
  }

  @Test func theEvidenceOfTheCopyTellsWhichImageToAskFor() async throws {
    let moved = try await migrate("raw", delete: false)
    let answer = try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).succeeded()
    #expect(answer["route"].text == "export")
    #expect(answer["image"].text == moved.image.id)
    try await expectSound(moved)
  }

  @Test func aCompressedImageThatIsKeptAsItIsIsProvedByItsOwnBytes() async throws {
    let moved = try await migrate("qcow2", upload: "qcow2")
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).succeeded()
    try await expectSound(moved)
  }

  @Test func aDecodedImageIsProvedByTheOriginalOnly() async throws {
    let moved = try await migrate("raw", upload: "qcow2")
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "digest_required")
    moved.host.expectEmptyStore()
    // The original, with the other host's evidence beside it.
    let original = moved.host.scratch.file("original.qcow2")
    try FileManager.default.copyItem(atPath: moved.image.file, toPath: original)
    try FileManager.default.copyItem(atPath: "\(moved.away)/meta/\(moved.name).json", toPath: original + ".json")
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", original).succeeded()
    try await expectSound(moved)
  }

  @Test(arguments: ["qcow2", "raw"]) func otherBytesAreRefusedAndNothingIsKept(format: String) async throws {
    let moved = try await migrate(format)
    let copy = "\(moved.away)/bases/\(moved.name)"
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: copy)
    // One byte of what a guest sees: through QEMU for a qcow2, so that its tables stay sound.
    try await Compare.tool("qemu-io", "-f", format, "-c", "write -P 0x77 2M 512", copy)
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "digest_mismatch")
    moved.host.expectEmptyStore()
  }

  /// What Nova lets pass: a base of that name in another format, whose own header the guest would then read as its disk.
  @Test(arguments: [("qcow2", "raw"), ("raw", "qcow2")]) func aBaseInAnotherFormatIsRefused(format: String, other: String) async throws {
    let moved = try await migrate(format)
    let copy = "\(moved.away)/bases/\(moved.name)"
    try FileManager.default.removeItem(atPath: copy)
    try await Compare.tool("qemu-img", "convert", "-f", "raw", "-O", other, moved.image.file, copy)
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "format_mismatch")
    moved.host.expectEmptyStore()
    // A disk that would read a base otherwise than it is kept.
    try await Compare.tool("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", moved.base, "-F", other, moved.disk)
    let error = try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "format_mismatch")
    #expect(error["message"].text?.contains("other bytes") == true)
  }

  @Test func aDiskOfAnotherStorePathIsRefused() async throws {
    let moved = try await migrate("qcow2")
    let other = "/var/lib/elsewhere/bases/\(moved.name)"
    try await Compare.tool("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", other, "-F", "qcow2", moved.disk)
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "location_not_allowed")
  }

  @Test func aBackingFormatThatIsNotRecordedIsRefused() async throws {
    let moved = try await migrate("raw")
    let path = moved.disk
    // qemu-img writes none without a format any more, so the extension's type is blotted out, as an old one left it.
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    let place = try #require(data.range(of: Data([0xE2, 0x79, 0x2A, 0xCA]), in: 0..<4096))
    data.replaceSubrange(place, with: [0x12, 0x34, 0x56, 0x78])
    try data.write(to: URL(fileURLWithPath: path))
    try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away).failed(4, "format_refused")
  }

  @Test func theBaseIsHeldUntilADiskIsSeenToUseIt() async throws {
    let moved = try await migrate("qcow2")
    let answer = try await moved.host.run("base", "ensure", "--for", moved.disk, "--from", moved.away, "--hold", "1h").succeeded()
    #expect(answer["held_until"].text?.isEmpty == false)
    try await Task.sleep(for: .seconds(2))
    try await moved.host.run("cache", "clean").succeeded()
    #expect(moved.host.stored("bases").count == 1)
    try await moved.host.run("cache", "unpin", moved.name).succeeded()
    // The disk lies where cleaning does not look.
    try await moved.host.run("cache", "clean").succeeded()
    #expect(moved.host.stored("bases").isEmpty)
  }
}
