import ImageFormats
import Model
import TestSupport
import Testing

@Suite(.serialized) struct Qcow2ReaderTests {
  /// How qemu-img is told to make an image.
  struct Recipe: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let arguments: [String]

    init(_ options: String, compressed: Bool = false) {
      testDescription = options + (compressed ? " -c" : "")
      arguments = (compressed ? ["-c"] : []) + (options.isEmpty ? [] : ["-o", options])
    }
  }

  static let recipes: [Recipe] = [
    Recipe(""), Recipe("", compressed: true), Recipe("compression_type=zstd", compressed: true),
    Recipe("cluster_size=512"), Recipe("cluster_size=512", compressed: true),
    Recipe("cluster_size=4096,compression_type=zstd", compressed: true),
    Recipe("cluster_size=2M"), Recipe("cluster_size=2M", compressed: true),
    Recipe("cluster_size=2M,compression_type=zstd", compressed: true),
    Recipe("compat=0.10"), Recipe("compat=0.10", compressed: true),
    Recipe("preallocation=metadata"), Recipe("preallocation=falloc"), Recipe("preallocation=full"),
    Recipe("lazy_refcounts=on"), Recipe("refcount_bits=1"), Recipe("refcount_bits=64"),
  ]

  /// Random, repetitive and zero stretches; ends within a cluster.
  static func content(_ size: Int = 4 * 1_048_576 + 12_345, seed: UInt64 = 5) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    func append(_ words: [UInt64], _ length: Int) { words.withUnsafeBytes { bytes += $0.prefix(length) } }
    while bytes.count < size {
      let length = min(Int.random(in: 1...300_000, using: &generator), size - bytes.count)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: bytes += repeatElement(0, count: length)
      case 1: append((0...length / 8).map { _ in generator.next() }, length)
      default:
        let period = (0..<Int.random(in: 1...50, using: &generator)).map { _ in generator.next() }
        append((0...length / 8).map { period[$0 % period.count] }, length)
      }
    }
    // Whole sectors, as a guest sees them.
    return bytes + [UInt8](repeating: 0, count: (512 - size % 512) % 512)
  }

  static let expected = content()

  private func make(_ arguments: [String], in scratch: Scratch, content: [UInt8] = expected) async throws -> MemoryFile {
    let raw = try LocalFile(scratch.file("raw"), create: true)
    try raw.write(content, at: 0)
    let outcome = try await QemuImg.attempt(
      ["convert", "-f", "raw", "-O", "qcow2"] + arguments + [scratch.file("raw"), scratch.file("qcow2")])
    try #require(outcome.status == 0, "\(outcome.output)")
    return MemoryFile(try LocalFile(scratch.file("qcow2")).all())
  }

  /// Reads everything through extents, the way a transfer does: data from the file, compressed runs through the reader.
  private func readByExtents(_ reader: Qcow2Reader, _ file: MemoryFile, limit: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xAA, count: Int(reader.virtualSize))
    var position: Int64 = 0
    while position < reader.virtualSize {
      let runs = try reader.extents(from: position, to: reader.virtualSize, limit: limit)
      try #require(!runs.isEmpty && runs.count <= limit)
      for run in runs {
        try #require(run.offset == position && run.length > 0)
        try bytes.withUnsafeMutableBytes { bytes in
          let target = UnsafeMutableRawBufferPointer(rebasing: bytes[Int(run.offset)..<Int(run.end)])
          switch run.kind {
          case .hole, .zero: target.initializeMemory(as: UInt8.self, repeating: 0)
          case .data(let host): try file.read(host, target)
          case .compressed: try reader.read(at: run.offset, into: target)
          }
        }
        position = run.end
      }
    }
    return bytes
  }

  @Test(.timeLimit(.minutes(1)), arguments: recipes)
  func readsWhatQemuWrites(_ recipe: Recipe) async throws {
    let scratch = try Scratch()
    // Several clusters of each size, and no more.
    let size = recipe.testDescription.contains("2M") ? Qcow2ReaderTests.expected.count : 1_234_944
    let expected = Array(Qcow2ReaderTests.expected.prefix(size))
    let file = try await make(recipe.arguments, in: scratch, content: expected)
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    #expect(reader.virtualSize == Int64(expected.count))
    #expect(try readByExtents(reader, file, limit: 4096) == expected)
    #expect(try readByExtents(reader, file, limit: 1) == expected)
    // Any range, also across and within clusters.
    var generator = SplitMix64(seed: 9)
    for _ in 0..<50 {
      let start = Int.random(in: 0..<expected.count, using: &generator)
      let count = Int.random(in: 0...min(150_000, expected.count - start), using: &generator)
      var part = [UInt8](repeating: 0xAA, count: count)
      try part.withUnsafeMutableBytes { try reader.read(at: Int64(start), into: $0) }
      #expect(part[...] == expected[start..<start + count])
    }
    #expect(file.tally.outside == 0)
    // And the inspector lets it pass.
    var inspector = FormatInspector(claimed: .qcow2, object: "it")
    try file.bytes.withUnsafeBytes { try inspector.update($0) }
    #expect(try inspector.finish().virtualSize == Int64(expected.count))
  }

  @Test(.timeLimit(.minutes(1))) func snapshotsInTheFileAreIgnored() async throws {
    let scratch = try Scratch()
    _ = try await make([], in: scratch)
    try await QemuImg.run("snapshot", "-c", "before", scratch.file("qcow2"))
    try await QemuImg.io("write -P 90 1M 200k", scratch.file("qcow2"))
    let file = MemoryFile(try LocalFile(scratch.file("qcow2")).all())
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    var expected = Qcow2ReaderTests.expected
    expected.replaceSubrange(1_048_576..<1_048_576 + 204_800, with: repeatElement(90, count: 204_800))
    #expect(try readByExtents(reader, file, limit: 4096) == expected)
  }

  @Test(.timeLimit(.minutes(1))) func zeroClustersReadAsZerosWithAndWithoutAPlace() async throws {
    let scratch = try Scratch()
    _ = try await make([], in: scratch)
    try await QemuImg.io("write -z 1M 1M", scratch.file("qcow2"))
    try await QemuImg.io("write -z -u 3M 1M", scratch.file("qcow2"))
    let file = MemoryFile(try LocalFile(scratch.file("qcow2")).all())
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    var expected = Qcow2ReaderTests.expected
    for start in [1_048_576, 3 * 1_048_576] {
      expected.replaceSubrange(start..<start + 1_048_576, with: repeatElement(0, count: 1_048_576))
    }
    #expect(try readByExtents(reader, file, limit: 4096) == expected)
    #expect(try reader.extents(from: 1 << 20, to: 2 << 20) == [GuestExtent(offset: 1 << 20, length: 1 << 20, kind: .zero)])
  }

  @Test(.timeLimit(.minutes(1)))
  func whatDependsOnMoreThanTheFileIsRefused() async throws {
    let scratch = try Scratch()
    _ = try LocalFile(scratch.file("base"), create: true)
    let options: [([String], String)] = [
      (["-b", scratch.file("base"), "-F", "raw"], "backing file"), (["-o", "data_file=" + scratch.file("data")], "external data file"),
      (["-o", "extended_l2=on"], "extended L2"),
    ]
    for (arguments, word) in options {
      let outcome = try await QemuImg.attempt(["create", "-f", "qcow2"] + arguments + [scratch.file("it"), "1M"])
      try #require(outcome.status == 0, "\(outcome.output)")
      let file = MemoryFile(try LocalFile(scratch.file("it")).all())
      let error = #expect(throws: SlipwayError.self) {
        try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
      }
      #expect(error?.code == .formatRefused)
      #expect(error?.message.contains(word) == true, "\(String(describing: error))")
    }
  }

  @Test func hugeHolesCostLittle() throws {
    // 256 TiB, one cluster in it: half a million L1 entries, in few calls and small reads.
    var layout = try Qcow2Layout(virtualSize: 1 << 48)
    _ = try layout.place(guestOffset: 1 << 47, length: 65536)
    var bytes = [UInt8](repeating: 0, count: Int(layout.fileSize) + 8 * 65536)
    for write in try layout.finish() { bytes.replaceSubrange(Int(write.offset)..<Int(write.offset) + write.bytes.count, with: write.bytes) }
    let file = MemoryFile(Array(bytes.prefix(Int(layout.fileSize))))
    let reader = try Qcow2Reader(fileSize: layout.fileSize, object: "it", read: file.read)
    var position: Int64 = 0
    var data: [Int64] = []
    var calls = 0
    while position < reader.virtualSize {
      for run in try reader.extents(from: position, to: reader.virtualSize) {
        if run.isData { data.append(run.offset) }
        position = run.end
      }
      calls += 1
    }
    #expect(data == [1 << 47])
    #expect(calls < 10)
    #expect(file.tally.largest <= 65536)
  }

  @Test func aClusterThatTheFileEndsInReadsAsZerosBehindIt() throws {
    // Data in the last cluster of the file, which is cut in its middle.
    let good = try MemoryFile.qcow2(virtualSize: 65536)
    let moved = good.count
    let l2 = 3 * 65536
    var bytes = good + [UInt8](repeating: 0x77, count: 1000)
    bytes = bytes.with(UInt64(moved) | 1 << 63, at: l2)
    let file = MemoryFile(bytes)
    let reader = try Qcow2Reader(fileSize: Int64(bytes.count), object: "it", read: file.read)
    #expect(
      try reader.extents(from: 0, to: 65536) == [
        GuestExtent(offset: 0, length: 1000, kind: .data(hostOffset: Int64(moved))), GuestExtent(offset: 1000, length: 64536, kind: .zero),
      ])
    var read = [UInt8](repeating: 0xAA, count: 65536)
    try read.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) }
    #expect(read == [UInt8](repeating: 0x77, count: 1000) + [UInt8](repeating: 0, count: 64536))
  }

  static let copied: UInt64 = 1 << 63
  static let compressed: UInt64 = 1 << 62
  static let impossibleL2Entries: [(String, UInt64)] = [
    ("data outside the file", copied + (1 << 40)), ("data at no cluster", 66048), ("reserved bit 1", 65538),
    ("reserved bit 60", 65536 + (1 << 60)), ("compressed outside the file", compressed + (1 << 40)), ("compressed nowhere", compressed),
    ("compressed garbage", compressed + 65536 * 4),
  ]
  static let impossibleL1Entries: [UInt64] = [1 << 40, 197_120, 196_609, 196_608 + (1 << 60)]

  @Test(arguments: impossibleL2Entries)
  func anImpossibleL2EntryIsRefused(_ name: String, _ entry: UInt64) throws {
    let file = MemoryFile(try MemoryFile.qcow2().with(entry, at: 3 * 65536))
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    var read = [UInt8](repeating: 0, count: 65536)
    let error = #expect(throws: SlipwayError.self) { try read.withUnsafeMutableBytes { try reader.read(at: 0, into: $0) } }
    #expect(error?.code == .formatRefused)
  }

  @Test(arguments: impossibleL1Entries)
  func anImpossibleL1EntryIsRefused(_ entry: UInt64) throws {
    let file = MemoryFile(try MemoryFile.qcow2().with(entry, at: 65536))
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    let error = #expect(throws: SlipwayError.self) { try reader.extents(from: 0, to: 65536) }
    #expect(error?.code == .formatRefused)
  }

  @Test func rangesOutsideTheDiskAreRefused() throws {
    let file = MemoryFile(try MemoryFile.qcow2())
    let reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    var two: [UInt8] = [0, 0]
    for offset in [-1, (1 << 20) - 1, 1 << 20, Int64.max] as [Int64] {
      #expect(throws: SlipwayError.self) { try two.withUnsafeMutableBytes { try reader.read(at: offset, into: $0) } }
    }
    #expect(throws: SlipwayError.self) { try reader.extents(from: 0, to: (1 << 20) + 1) }
    #expect(try reader.extents(from: 1 << 20, to: 1 << 20).isEmpty)
  }
}
