import ImageFormats
import Model
import TestSupport
import Testing

/// Valid images with damage in them: whatever stands in a file, the reader and the inspector end with bytes or with `formatRefused`.
@Suite(.serialized) struct Qcow2FuzzTests {
  static let recipes = [
    ["-o", "cluster_size=512"], ["-c", "-o", "cluster_size=4096"], ["-c", "-o", "compression_type=zstd,cluster_size=4096"],
    ["-c", "-o", "compat=0.10"], ["-o", "preallocation=metadata,cluster_size=1024"],
  ]

  @Test(.timeLimit(.minutes(5)), arguments: recipes)
  func damageIsRefusedOrRead(_ recipe: [String]) async throws {
    let scratch = try Scratch()
    try LocalFile(scratch.file("raw"), create: true).write(Qcow2ReaderTests.content(300_000), at: 0)
    let made = try await QemuImg.attempt(["convert", "-f", "raw", "-O", "qcow2"] + recipe + [scratch.file("raw"), scratch.file("it")])
    try #require(made.status == 0, "\(made.output)")
    let good = try LocalFile(scratch.file("it")).all()
    let header = try Qcow2Header(parsing: good, object: "it")
    var (read, refused) = (0, 0)
    for seed in UInt64(0)..<200 {
      await Task.yield()  // others run beside this, on as few threads
      var generator = SplitMix64(seed: seed)
      let file = MemoryFile(damaged(good, header, &generator))
      do {
        try exercise(file, &generator)
        read += 1
      } catch let error as SlipwayError where error.code == .formatRefused || error.code == .formatMismatch {
        refused += 1
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
      #expect(file.tally.outside == 0, "seed \(seed)")
      // Twice the largest cluster: nothing larger is ever asked for.
      #expect(file.tally.largest <= 4 << 20, "seed \(seed)")
    }
    // The damage must be of both kinds, else this tests nothing.
    #expect(read > 20 && refused > 20, "\(read) read, \(refused) refused")
  }

  private func damaged(_ good: [UInt8], _ header: Qcow2Header, _ generator: inout SplitMix64) -> [UInt8] {
    var bytes = good
    let l1 = Int(header.l1Offset)..<Int(header.l1Offset) + header.l1Entries * 8
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place =
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: Int.random(in: 0..<112, using: &generator)
        case 1: Int.random(in: l1, using: &generator)
        case 2, 3: l2Entry(good, l1, Int(header.l2Entries), &generator)
        default: Int.random(in: 0..<bytes.count, using: &generator)
        }
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 2:
        let words: [UInt64] = [0, .max, 1, 512, 1 << 62, 1 << 63, UInt64(good.count), UInt64(good.count) & ~511, generator.next()]
        let word = words.randomElement(using: &generator) ?? 0
        bytes = bytes.with(word, at: min(place & ~7, bytes.count - 8))
      default:
        if Int.random(in: 0..<4, using: &generator) == 0 { bytes = Array(bytes.prefix(max(8, place))) }
      }
      if bytes.count < good.count { break }
    }
    return bytes
  }

  /// The offset of a byte in some L2 table.
  private func l2Entry(_ good: [UInt8], _ l1: Range<Int>, _ entries: Int, _ generator: inout SplitMix64) -> Int {
    let entry = Int.random(in: 0..<l1.count / 8, using: &generator)
    let word = good[l1.lowerBound + entry * 8..<l1.lowerBound + entry * 8 + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let table = Int(word & 0x00FF_FFFF_FFFF_FE00)
    return table == 0 ? l1.lowerBound : table + Int.random(in: 0..<entries * 8, using: &generator)
  }

  private func exercise(_ file: MemoryFile, _ generator: inout SplitMix64) throws {
    var inspector = FormatInspector(claimed: .qcow2, object: "it")
    var verdict: (any Error)?
    do {
      try file.bytes.withUnsafeBytes { try inspector.update($0) }
      _ = try inspector.finish()
    } catch { verdict = error }
    let reader: Qcow2Reader
    do {
      reader = try Qcow2Reader(fileSize: Int64(file.bytes.count), object: "it", read: file.read)
    } catch {
      // What the reader refuses to open, the inspector refuses too.
      #expect(verdict != nil, "\(error)")
      throw error
    }
    if let verdict { throw verdict }
    _ = try? BackingReference.read(Array(file.bytes.prefix(65536)), object: "it")
    var position: Int64 = 0
    var calls = 0
    while position < reader.virtualSize, calls < 200 {
      let runs = try reader.extents(from: position, to: reader.virtualSize)
      try #require(runs.first?.offset == position)
      position = runs.last?.end ?? 0
      calls += 1
    }
    var buffer = [UInt8](repeating: 0, count: 20_000)
    for _ in 0..<8 where reader.virtualSize > 0 {
      let offset = Int64.random(in: 0..<min(reader.virtualSize, 400_000), using: &generator)
      let count = Int(min(Int64(buffer.count), reader.virtualSize - offset))
      try buffer.withUnsafeMutableBytes { try reader.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
    }
  }
}
