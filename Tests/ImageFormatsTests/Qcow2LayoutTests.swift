import ImageFormats
import Model
import TestSupport
import Testing

@Suite(.serialized) struct Qcow2LayoutTests {
  static let images: [SparseImage] = [
    SparseImage("empty", size: 0, share: 0),
    SparseImage("one byte", size: 1, share: 1),
    SparseImage("511 bytes", size: 511, share: 1),
    SparseImage("65535 bytes", size: 65535, share: 1),
    SparseImage("65536 bytes", size: 65536, share: 1),
    SparseImage("4 MiB + 1, no hole", size: 4 << 20 + 1, share: 1),
    SparseImage("4 MiB + 1, sparse", size: (4 << 20) + 1, share: 0.4, seed: 11),
    SparseImage("all zero", size: (9 << 20) + 513, share: 0),
    SparseImage("holes at both ends", size: 8 << 20, runs: [(1 << 20)..<(2 << 20), (3 << 20)..<(3 << 20) + 65536]),
    SparseImage("data at both ends", size: (8 << 20) + 77, runs: [0..<65536, (8 << 20)..<(8 << 20) + 77]),
    // Tables of 512 MiB: the first, a middle and the last are touched, one run crosses from one to the next, one is never touched.
    SparseImage(
      "several tables", size: (2 << 30) + 12345,
      runs: [
        0..<196608, (512 << 20) - (1 << 20)..<(512 << 20) + (1 << 20), (2 << 30) - 65536..<(2 << 30) + 12345,
      ]),
  ]

  /// Writes `image` as a data plane does: pieces in any order within a window, tables as soon as they are complete.
  private func write(_ image: SparseImage, to path: String, clusterBits: Int = 16, piece: Int64 = 1 << 18) throws {
    let file = try LocalFile(path, create: true)
    var layout = try Qcow2Layout(virtualSize: image.size, clusterBits: clusterBits)
    var generator = SplitMix64(seed: image.seed)
    var pieces = image.pieces(piece)[...]
    while !pieces.isEmpty {
      let window = pieces.prefix(8)
      pieces = pieces.dropFirst(8)
      for range in window.shuffled(using: &generator) {
        let host = try layout.place(guestOffset: range.lowerBound, length: range.count)
        let padding = (layout.clusterSize - Int64(range.count) % layout.clusterSize) % layout.clusterSize
        try file.write(image.bytes(range) + [UInt8](repeating: 0, count: Int(padding)), at: host)
      }
      if let next = pieces.first { try file.apply(layout.completed(upTo: next.lowerBound)) }
    }
    let rest = try layout.finish()
    try file.apply(rest)
    #expect(file.size == layout.fileSize)
  }

  @Test(.timeLimit(.minutes(1)), arguments: images)
  func qemuFindsTheFileCleanAndItsContentIdentical(_ image: SparseImage) async throws {
    let scratch = try Scratch()
    let (raw, qcow2) = (scratch.file("raw"), scratch.file("qcow2"))
    try image.writeRaw(to: raw)
    try write(image, to: qcow2)
    try await QemuImg.run("check", "-f", "qcow2", qcow2)
    try await QemuImg.run("compare", "-f", "raw", "-F", "qcow2", raw, qcow2)
  }

  @Test(.timeLimit(.minutes(1)), arguments: [9, 12, 21])
  func qemuAgreesForOtherClusterSizes(_ clusterBits: Int) async throws {
    // 512-byte clusters: hundreds of tables and several refcount blocks. 2 MiB: one of each.
    let image = SparseImage("sparse", size: (12 << 20) + 1000, share: 0.5, cluster: 1 << Int64(clusterBits), seed: 3)
    let scratch = try Scratch()
    let (raw, qcow2) = (scratch.file("raw"), scratch.file("qcow2"))
    try image.writeRaw(to: raw)
    try write(image, to: qcow2, clusterBits: clusterBits, piece: max(1 << Int64(clusterBits), 1 << 16))
    try await QemuImg.run("check", "-f", "qcow2", qcow2)
    try await QemuImg.run("compare", "-f", "raw", "-F", "qcow2", raw, qcow2)
  }

  @Test func ourInspectorAndReaderAcceptWhatWeWrite() throws {
    let image = SparseImage("sparse", size: (3 << 20) + 1, share: 0.5)
    let scratch = try Scratch()
    try write(image, to: scratch.file("qcow2"))
    let file = try LocalFile(scratch.file("qcow2"))
    var inspector = FormatInspector(claimed: .qcow2, object: "it")
    try file.all().withUnsafeBytes { try inspector.update($0) }
    #expect(try inspector.finish().virtualSize == (3 << 20) + 512)
    let reader = try Qcow2Reader(fileSize: file.size, object: "it", read: file.read)
    var read = [UInt8](repeating: 0xAA, count: Int(reader.virtualSize))
    try read.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) }
    var expected = [UInt8](repeating: 0, count: read.count)
    for run in image.runs { expected.replaceSubrange(Int(run.lowerBound)..<Int(run.upperBound), with: image.bytes(run)) }
    #expect(read == expected)
  }

  @Test func untouchedRangesGetNoTable() throws {
    var layout = try Qcow2Layout(virtualSize: 1 << 40)
    _ = try layout.place(guestOffset: 700 << 30, length: 65536)
    let writes = Array(try layout.finish())
    // One L2 table, one page of L1, one refcount block, one cluster of refcount table, the header.
    #expect(writes.count == 5)
    #expect(writes.last?.offset == 0)
    #expect(layout.fileSize == 6 * 65536)
  }

  @Test func completedTablesComeOnceAndWithTheirRangeOnly() throws {
    var layout = try Qcow2Layout(virtualSize: 4 << 30)
    for table in 0..<Int64(4) { _ = try layout.place(guestOffset: table << 29, length: 65536) }
    #expect(layout.completed(upTo: (1 << 29) - 1).isEmpty)
    #expect(layout.completed(upTo: 3 << 29).count == 3)
    #expect(layout.completed(upTo: 3 << 29).isEmpty)
    #expect(throws: SlipwayError.self) { try layout.place(guestOffset: 65536, length: 65536) }
  }

  @Test func refcountsOfADenseImageCountEveryCluster() throws {
    // 64 GiB of data: 33 refcount blocks. A run of 512 MiB at a time: only numbers move.
    var layout = try Qcow2Layout(virtualSize: 64 << 30)
    var tables = 0
    for table in 0..<Int64(128) {
      _ = try layout.place(guestOffset: table << 29, length: 1 << 29)
      tables += layout.completed(upTo: (table + 1) << 29).count
    }
    #expect(tables == 128)
    let perBlock: Int64 = 32768
    var blocks: Int64 = 0
    var lastBlock: [UInt8] = []
    for write in try layout.finish() where write.bytes.starts(with: [0, 1, 0, 1]) {
      blocks += 1
      lastBlock = write.bytes
    }
    let used = lastBlock.prefix { $0 <= 1 }.count { $0 == 1 }
    #expect(((blocks - 1) * perBlock + Int64(used)) * 65536 == layout.fileSize)
  }

  @Test func misuseIsAnInternalError() throws {
    var layout = try Qcow2Layout(virtualSize: (1 << 20) + 100)
    _ = try layout.place(guestOffset: 65536, length: 131072)
    let wrong: [(Int64, Int)] = [
      (65536, 65536), (0, 131072), (1, 65536), (0, 100), (0, 0), (-65536, 65536), (1 << 20, 65536), (2 << 20, 65536),
      (Int64.max - 65535, 65536),
    ]
    for (offset, length) in wrong {
      let error = #expect(throws: SlipwayError.self) { try layout.place(guestOffset: offset, length: length) }
      #expect(error?.code == .internalError)
    }
    // What was refused changed nothing.
    _ = try layout.place(guestOffset: 0, length: 65536)
    _ = try layout.place(guestOffset: 1 << 20, length: 100)
    _ = try layout.finish()
    #expect(throws: SlipwayError.self) { try layout.place(guestOffset: 262144, length: 65536) }
    #expect(throws: SlipwayError.self) { try layout.finish() }
  }

  @Test func sizesBeyondTheFormatAreRefused() throws {
    #expect(throws: SlipwayError.self) { try Qcow2Layout(virtualSize: 1 << 52) }
    #expect(throws: SlipwayError.self) { try Qcow2Layout(virtualSize: Int64.max) }
    #expect(throws: SlipwayError.self) { try Qcow2Layout(virtualSize: -1) }
    #expect(try Qcow2Layout(virtualSize: 1 << 51).header.l1Entries == 1 << 22)
  }
}
