import Model
import Runtime
import TestSupport
import Testing
import Transfer
import Transports

/// What a peer writes forward, as a source of a transfer.
@Suite(.timeLimit(.minutes(1))) struct WrittenStreamTests {
  let bed: Bed
  static let block = 65536

  init() throws { bed = try Bed() }

  private func buffer(_ bytes: [UInt8]) -> Buffer {
    let buffer = Buffer(capacity: bytes.count)
    buffer.memory.copyBytes(from: bytes)
    return buffer
  }

  /// Writes `ranges` of `image` into a stream while a transfer takes it; what arrived.
  private func carry(_ image: [UInt8], _ ranges: [Range<Int>], zeroed: [Range<Int>] = []) async throws -> MemorySink {
    let stream = WrittenStream(size: Int64(image.count), object: "test")
    let sink = MemorySink()
    let moving = Task { try await bed.run(stream, to: sink) }
    var steps = ranges.map { ($0, true) } + zeroed.map { ($0, false) }
    steps.sort { $0.0.lowerBound < $1.0.lowerBound }
    for (range, isData) in steps {
      if isData {
        try await stream.write(buffer(Array(image[range])), length: range.count, at: Int64(range.lowerBound))
      } else {
        try await stream.zero(at: Int64(range.lowerBound), length: Int64(range.count))
      }
    }
    stream.finish()
    let tally = try await moving.value
    #expect(tally.virtual == Int64(image.count))
    return sink
  }

  @Test func whatIsLeftOutIsAHole() async throws {
    var image = [UInt8](repeating: 0, count: 40 * Self.block + 512)
    for index in image.indices where index / Self.block % 7 == 3 { image[index] = UInt8(truncatingIfNeeded: index) | 1 }
    let ranges = stride(from: 3, to: 40, by: 7).map { $0 * Self.block..<($0 + 1) * Self.block }
    let sink = try await carry(image, ranges)
    #expect(Bytes.firstDifference(sink.bytes, image) == nil)
    #expect(sink.finished == Int64(image.count))
    #expect(sink.complaints == [])
    // Nothing of the holes was ever moved.
    #expect(
      sink.writes.allSatisfy { range in
        ranges.contains { Int64($0.lowerBound) <= range.lowerBound && range.upperBound <= Int64($0.upperBound) }
      })
  }

  @Test func piecesOfAnyLengthMakeTheWhole() async throws {
    var generator = SplitMix64(seed: 5)
    for round in 0..<8 {
      let size = 3 * 1_048_576 + Int.random(in: 0...70000, using: &generator)
      var image = [UInt8](repeating: 0, count: size)
      var (ranges, zeroed): ([Range<Int>], [Range<Int>]) = ([], [])
      var position = 0
      while position < size {
        let end = min(size, position + Int.random(in: 1...300_000, using: &generator))
        switch Int.random(in: 0...2, using: &generator) {
        case 0: zeroed.append(position..<end)
        case 1: break
        default:
          ranges.append(position..<end)
          for index in position..<end { image[index] = UInt8(truncatingIfNeeded: index &* 31 &+ round) | 1 }
        }
        position = end
      }
      let sink = try await carry(image, ranges, zeroed: zeroed)
      #expect(Bytes.firstDifference(sink.bytes, image) == nil)
      #expect(sink.complaints == [])
    }
  }

  @Test func manySmallWritesWait() async throws {
    let image = [UInt8](repeating: 7, count: 2 * Self.block)
    let ranges = stride(from: 0, to: image.count, by: 128).map { $0..<$0 + 128 }
    #expect(Bytes.firstDifference(try await carry(image, ranges).bytes, image) == nil)
  }

  @Test func aHugeHoleCostsNothing() async throws {
    let stream = WrittenStream(size: 1 << 50, object: "test")
    try await stream.zero(at: 0, length: 1 << 49)
    stream.finish()
    let sink = HoleSink()
    let tally = try await bed.run(stream, to: sink)
    #expect(tally.holes == 1 << 50)
    #expect(tally.written == 0)
  }

  @Test func aWriteBackwardsIsRefused() async throws {
    let stream = WrittenStream(size: 1 << 20, object: "test")
    try await stream.write(buffer([1, 2, 3, 4]), length: 4, at: 100)
    await #expect(throws: SlipwayError.self) { try await stream.write(buffer([1]), length: 1, at: 103) }
    await #expect(throws: SlipwayError.self) { try await stream.zero(at: 0, length: 10) }
  }

  @Test func aPeerThatFailsEndsTheTransfer() async throws {
    let stream = WrittenStream(size: 4 << 20, object: "test")
    let moving = Task { await Bed.code { _ = try await bed.run(stream, to: MemorySink()) } }
    try await stream.write(buffer([UInt8](repeating: 1, count: 4096)), length: 4096, at: 0)
    stream.fail(SlipwayError(.formatRefused, "it is broken"))
    #expect(await moving.value == .formatRefused)
  }

  @Test func allBytesWithoutAGoodEndAreNoImage() async throws {
    let stream = WrittenStream(size: 4096, object: "test")
    let moving = Task { await Bed.code { _ = try await bed.run(stream, to: MemorySink()) } }
    try await stream.write(buffer([UInt8](repeating: 1, count: 4096)), length: 4096, at: 0)
    stream.fail(SlipwayError(.formatRefused, "it crashed at the very end"))
    #expect(await moving.value == .formatRefused)
  }

  @Test func cancellingEndsAWriterThatWaits() async throws {
    let stream = WrittenStream(size: 1 << 20, object: "test")
    let writing = Task {
      for index in 0..<1000 { try await stream.write(buffer([1]), length: 1, at: Int64(index)) }
    }
    writing.cancel()
    await #expect(throws: (any Error).self) { try await writing.value }
  }
}

/// Takes holes of any size.
private final class HoleSink: Sink {
  let granularity = 65536
  func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws { throw SlipwayError(.internalError, "a write") }
  func reached(_ offset: Int64) async throws {}
  func finish(size: Int64) async throws {}
}
