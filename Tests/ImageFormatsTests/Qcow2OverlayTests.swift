import ImageFormats
import Model
import Testing

@Suite(.serialized) struct Qcow2OverlayTests {
  @Test(.timeLimit(.minutes(1)), arguments: [ImageFormat.raw, .qcow2])
  func qemuOpensTheOverlayOnItsBase(_ format: ImageFormat) async throws {
    let scratch = try Scratch()
    let (base, disk) = (scratch.file("base image.\(format.rawValue)"), scratch.file("disk"))
    let image = SparseImage("base", size: 3 << 20, share: 0.5)
    try image.writeRaw(to: scratch.file("raw"))
    try await QemuImg.run("convert", "-f", "raw", "-O", format.rawValue, scratch.file("raw"), base)
    let overlay = try Qcow2Overlay(virtualSize: 5 << 20, backingPath: base, backingFormat: format)
    let file = try LocalFile(disk, create: true)
    try file.setSize(overlay.fileSize)
    try file.apply(overlay.writes)
    try await QemuImg.run("check", "-f", "qcow2", disk)
    let info = try await QemuImg.info(disk)
    #expect(info.backingFile == base)
    #expect(info.backingFormat == format.rawValue)
    #expect(info.virtualSize == 5 << 20)
    // The base shows through, and zeros follow it.
    try await QemuImg.run("resize", "-f", "raw", scratch.file("raw"), "5M")
    try await QemuImg.run("compare", "-f", "raw", "-F", "qcow2", scratch.file("raw"), disk)
    let map = try await QemuImg.run("map", "-f", "qcow2", disk)
    #expect(map.contains(base))
    #expect(!map.contains(disk))
  }

  @Test(.timeLimit(.minutes(1)), arguments: [0, 1, 512, 513, (20 << 30) + 1, 70 << 40] as [Int64])
  func qemuAgreesOnEverySize(_ size: Int64) async throws {
    let scratch = try Scratch()
    _ = try LocalFile(scratch.file("base"), create: true)
    let overlay = try Qcow2Overlay(virtualSize: size, backingPath: scratch.file("base"), backingFormat: .raw)
    let file = try LocalFile(scratch.file("disk"), create: true)
    try file.setSize(overlay.fileSize)
    try file.apply(overlay.writes)
    try await QemuImg.run("check", "-f", "qcow2", scratch.file("disk"))
    #expect(try await QemuImg.info(scratch.file("disk")).virtualSize == (size + 511) / 512 * 512)
  }

  @Test func theLongestPathFitsAndALongerOneIsRefused() throws {
    let path = "/" + String(repeating: "x", count: 1022)
    let overlay = try Qcow2Overlay(virtualSize: 1 << 30, backingPath: path, backingFormat: .qcow2)
    let header = try #require(overlay.writes.last)
    #expect(header.offset == 0)
    let reference = try BackingReference.read(header.bytes, object: "it")
    #expect(reference?.path == path)
    #expect(reference?.format == "qcow2")
    for wrong in [path + "y", "relative", "", "/a\0b"] {
      #expect(throws: SlipwayError.self) { try Qcow2Overlay(virtualSize: 1, backingPath: wrong, backingFormat: .raw) }
    }
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: ["compat=0.10", "compat=1.1", "extended_l2=on", "cluster_size=512", "cluster_size=2M", "lazy_refcounts=on"])
  func theReferenceOfQemusOverlaysIsRead(_ option: String) async throws {
    let scratch = try Scratch()
    _ = try LocalFile(scratch.file("base"), create: true)
    try await QemuImg.run("create", "-f", "qcow2", "-o", option, "-b", scratch.file("base"), "-F", "raw", scratch.file("disk"), "1M")
    let head = Array(try LocalFile(scratch.file("disk")).all().prefix(65536))
    let reference = try #require(try BackingReference.read(head, object: "it"))
    #expect(reference.path == scratch.file("base"))
    #expect(reference.format == "raw")
    // Never nil because something could not be read.
    for length in [0, 3, 71, 103, 130] {
      #expect(throws: SlipwayError.self) { try BackingReference.read(Array(head.prefix(length)), object: "it") }
    }
  }

  @Test(.timeLimit(.minutes(1))) func anImageWithoutBackingFileHasNoReference() async throws {
    let scratch = try Scratch()
    try await QemuImg.run("create", "-f", "qcow2", scratch.file("disk"), "1M")
    #expect(try BackingReference.read(LocalFile(scratch.file("disk")).all(), object: "it") == nil)
  }
}
