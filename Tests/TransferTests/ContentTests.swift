import Model
import Runtime
import TestSupport
import Testing
import Transfer

@Suite("The bytes that arrive are the bytes that were there", .timeLimit(.minutes(5)))
struct ContentTests {
  @Test("seeded images with random chunks and granularities", arguments: 0..<24)
  func seeded(seed: UInt64) async throws {
    var generator = SplitMix64(seed: seed)
    let granularity = 512 << Int.random(in: 0...8, using: &generator)
    var setting = Setting(
      chunk: Int.random(in: 1...400_000, using: &generator), budget: Int.random(in: 300_000...4_000_000, using: &generator))
    setting.options.slice = Int64.random(in: 1...1_000_000, using: &generator)
    setting.options.objectSize = Bool.random(using: &generator) ? 256 << 10 : nil
    setting.options.maximumReads = Int.random(in: 1...16, using: &generator)
    setting.options.maximumPieces = Int.random(in: 1...64, using: &generator)
    let image = SparseRandomImage(size: Int64.random(in: 0...3_000_000, using: &generator), seed: seed)
    let sink = MemorySink(granularity: granularity)
    let recorder = Recorder()
    let tally = try await setting.run(image, to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("sizes at the edges of a block", arguments: [0, 1, 511, 65535, 65536, 65537, (4 << 20) + 1])
  func edges(size: Int64) async throws {
    let setting = Setting()
    let image = SparseRandomImage(runs: size > 0 ? [.init(0..<size, .random)] : [])
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.run(image, to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
    #expect(tally.written == size)
  }

  @Test("delays in random order leave the observers' order alone", arguments: 0..<4)
  func order(seed: UInt64) async throws {
    let setting = Setting(chunk: 64 << 10)
    let image = SparseRandomImage(size: 3_000_000, seed: seed, data: 0.8)
    let source = FaultySource(image, .delay(upTo: .milliseconds(10)), seed: seed)
    let sink = MemorySink(granularity: 4096, delay: .milliseconds(5))
    let recorder = Recorder()
    let tally = try await setting.run(source, to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("several observers, one of them slow, all see everything")
  func observers() async throws {
    let setting = Setting(chunk: 64 << 10, budget: 256 << 10)
    let image = SparseRandomImage(size: 2_000_000, seed: 5)
    let sink = MemorySink(granularity: 4096)
    let (fast, slow) = (Recorder(), Recorder(pause: .milliseconds(2)))
    let tally = try await setting.run(image, to: sink, fast, slow)
    setting.expectWhole(image, in: sink, seenBy: slow, tally)
    #expect(Bytes.firstDifference(fast.bytes, slow.bytes) == nil)
  }

  @Test("a blocking sink gets the same bytes")
  func blocking() async throws {
    let setting = Setting()
    let image = SparseRandomImage(size: 3_000_000, seed: 6)
    let sink = MemorySink(granularity: 4096)
    let recorder = Recorder()
    let tally = try await setting.run(image, to: BlockingMemorySink(sink, workers: setting.workers), recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("holes are not read, zeros inside data not written, and the tally says so")
  func tally() async throws {
    let setting = Setting()
    let mib: Int64 = 1 << 20
    let image = SparseRandomImage(runs: [
      .init(0..<mib, .random), .init(mib..<2 * mib, .zeros), .init(2 * mib..<4 * mib, .hole), .init(4 * mib..<5 * mib, .random),
    ])
    let tally = try await setting.run(image, to: MemorySink())
    #expect(tally == ByteTally(virtual: 5 * mib, read: 3 * mib, written: 2 * mib, holes: 3 * mib))
  }

  @Test("neighbouring blocks that hold data are one write per piece")
  func coalesced() async throws {
    let setting = Setting(chunk: 1 << 20)
    let sink = MemorySink(granularity: 4096)
    _ = try await setting.run(SparseRandomImage(runs: [.init(0..<(3 << 20), .random)]), to: sink)
    #expect(sink.writes.count == 3)
  }

  @Test("no read straddles an object", arguments: [nil, 192 << 10] as [Int64?])
  func objects(size: Int64?) async throws {
    var setting = Setting(chunk: 128 << 10)
    setting.options.objectSize = size
    let source = FaultySource(SparseRandomImage(runs: [.init(0..<(768 << 10), .random)]))
    _ = try await setting.run(source, to: MemorySink())
    #expect(source.ranges == (size == nil ? 6 : 8))
  }

  @Test("streams in small steps, size told or not", arguments: [true, false], 0..<6)
  func stream(told: Bool, seed: UInt64) async throws {
    var generator = SplitMix64(seed: seed)
    let setting = Setting(chunk: Int.random(in: 1...300_000, using: &generator), budget: 600_000)
    let image = SparseRandomImage(size: seed == 0 ? 0 : Int64.random(in: 1...2_000_000, using: &generator), seed: seed)
    let sink = MemorySink(granularity: 4096)
    let recorder = Recorder()
    let tally = try await setting.stream(StreamSource(image, size: told ? image.size : nil, seed: seed), to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
    #expect(tally.read == image.size)
  }

  @Test("a stream whose size is a whole number of chunks", arguments: [true, false])
  func wholeChunks(told: Bool) async throws {
    let setting = Setting(chunk: 64 << 10)
    let image = SparseRandomImage(runs: [.init(0..<(256 << 10), .random)])
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.stream(StreamSource(image, size: told ? image.size : nil), to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }
}
