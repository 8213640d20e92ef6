import Foundation
import ImageFormats
import Model
import Testing

/// A qcow2 grown in place, judged by QEMU.
@Suite(.serialized, .timeLimit(.minutes(2))) struct Qcow2GrowthTests {
  private func grow(_ path: String, to size: Int64) throws {
    let head: [UInt8]
    do {
      let file = try LocalFile(path)
      var bytes = [UInt8](repeating: 0, count: Int(min(file.size, 65536)))
      try bytes.withUnsafeMutableBytes { try file.read(0, $0) }
      head = bytes
    }
    let growth = try Qcow2Growth(head: head, to: size, object: path)
    let file = try LocalFile(path, writable: true)
    if let entries = growth.entries { try file.apply([entries]) }
    try file.apply([growth.header])
  }

  @Test(arguments: ["compat=0.10", "compat=1.1", "extended_l2=on", "cluster_size=2M"])
  func whatQemuMadeIsLargerWholeAndKeepsItsBytes(_ option: String) async throws {
    let scratch = try Scratch()
    let (raw, disk) = (scratch.file("raw"), scratch.file("disk"))
    try SparseImage("grow", size: 3 << 20, share: 0.5).writeRaw(to: raw)
    try await QemuImg.run("convert", "-f", "raw", "-O", "qcow2", "-o", option, raw, disk)
    try grow(disk, to: 40 << 30)
    #expect(try await QemuImg.info(disk).virtualSize == 40 << 30)
    // What is written where there was nothing before is there, and the old bytes are too.
    try await QemuImg.io("write -P 7 39G 64k", disk)
    try await QemuImg.run("check", "-f", "qcow2", disk)
    let file = try LocalFile(raw, writable: true)
    try file.setSize(40 << 30)
    try file.write([UInt8](repeating: 7, count: 65536), at: 39 << 30)
    try await QemuImg.run("compare", "-f", "raw", "-F", "qcow2", raw, disk)
  }

  @Test func anOverlayOfOursGrowsAndItsBaseShowsThrough() async throws {
    let scratch = try Scratch()
    let (base, disk) = (scratch.file("base"), scratch.file("disk"))
    try SparseImage("grow", size: 3 << 20, share: 0.5).writeRaw(to: base)
    let overlay = try Qcow2Overlay(virtualSize: 3 << 20, backingPath: base, backingFormat: .raw)
    do {
      let file = try LocalFile(disk, create: true)
      try file.setSize(overlay.fileSize)
      try file.apply(overlay.writes)
    }
    try grow(disk, to: 40 << 30)
    try await QemuImg.run("check", "-f", "qcow2", disk)
    let raw = scratch.file("raw")
    try FileManager.default.copyItem(atPath: base, toPath: raw)
    try LocalFile(raw, writable: true).setSize(40 << 30)
    try await QemuImg.run("compare", "-f", "raw", "-F", "qcow2", raw, disk)
    // As far as the table's cluster reaches.
    try grow(disk, to: (4 << 40) - 1)
    try await QemuImg.run("check", "-f", "qcow2", disk)
    #expect(try await QemuImg.info(disk).virtualSize == 4 << 40)
  }

  @Test func garbageBehindTheTableDoesNotBecomePartOfIt() async throws {
    let scratch = try Scratch()
    let disk = scratch.file("disk")
    try await QemuImg.run("create", "-f", "qcow2", disk, "1G")
    let l1: Int64
    do {
      let file = try LocalFile(disk)
      var bytes = [UInt8](repeating: 0, count: 112)
      try bytes.withUnsafeMutableBytes { try file.read(0, $0) }
      l1 = try Qcow2Header(parsing: bytes, object: "it").l1Offset
    }
    let file = try LocalFile(disk, writable: true)
    try file.write([UInt8](repeating: 0xFF, count: 4096), at: l1 + 16)
    try grow(disk, to: 10 << 30)
    try await QemuImg.run("check", "-f", "qcow2", disk)
  }

  @Test func itIsNeverMadeSmallerAndTheSameSizeIsNothing() async throws {
    let scratch = try Scratch()
    let disk = scratch.file("disk")
    try await QemuImg.run("create", "-f", "qcow2", disk, "1G")
    try grow(disk, to: 1 << 30)
    #expect(try await QemuImg.info(disk).virtualSize == 1 << 30)
    #expect(throws: SlipwayError.self) { try grow(disk, to: (1 << 30) - 512) }
  }

  @Test func whatOnlyQemuShouldChangeIsRefused() async throws {
    let scratch = try Scratch()
    let disk = scratch.file("disk")
    try await QemuImg.run("create", "-f", "qcow2", disk, "1G")
    // Beyond what the table's cluster can hold.
    let error = #expect(throws: SlipwayError.self) { try grow(disk, to: 5 << 40) }
    #expect(error?.code == .formatRefused && error?.hint?.contains("qemu-img resize") == true)
    try await QemuImg.run("snapshot", "-c", "one", disk)
    #expect(throws: SlipwayError.self) { try grow(disk, to: 2 << 30) }
    try await QemuImg.run("create", "-f", "qcow2", disk, "1G")
    try await QemuImg.run("bitmap", "--add", "-f", "qcow2", disk, "b")
    #expect(throws: SlipwayError.self) { try grow(disk, to: 2 << 30) }
  }
}
