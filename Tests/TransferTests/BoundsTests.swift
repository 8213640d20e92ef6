import Model
import Runtime
import Testing

import TestSupport
@testable import Transfer

@Suite("Memory and work are bounded", .timeLimit(.minutes(5)))
struct BoundsTests {
  @Test("two transfers that share a budget smaller than one chunk each both finish")
  func shared() async throws {
    let setting = Setting(chunk: 128 << 10, budget: 100 << 10)
    let (a, b) = (SparseRandomImage(size: 1_000_000, seed: 1), SparseRandomImage(size: 1_000_000, seed: 2))
    let (left, right) = (MemorySink(granularity: 4096, delay: .milliseconds(1)), MemorySink(granularity: 4096))
    let (leftSeen, rightSeen) = (Recorder(), Recorder(pause: .microseconds(200)))
    async let first = setting.run(FaultySource(a, .delay(upTo: .milliseconds(2))), to: left, leftSeen)
    async let second = setting.run(b, to: right, rightSeen)
    _ = try await (first, second)
    for bytes in [left.bytes, leftSeen.bytes] { #expect(Bytes.firstDifference(bytes, a.bytes()) == nil) }
    for bytes in [right.bytes, rightSeen.bytes] { #expect(Bytes.firstDifference(bytes, b.bytes()) == nil) }
    #expect(setting.budget.available == setting.budget.capacity)
  }

  /// Counts the memory of the buffers that are alive.
  final class Weigher: RandomAccessSource {
    struct Reference: Sendable { weak var buffer: Buffer? }
    let base: SparseRandomImage
    let state = Locked((references: [Reference](), peak: 0, most: 0, reading: 0))
    init(_ base: SparseRandomImage) { self.base = base }
    var size: Int64 { base.size }
    func extents(from offset: Int64, to end: Int64) async throws -> [Extent] { try await base.extents(from: offset, to: end) }
    func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
      state.with { state in
        state.references.removeAll { $0.buffer == nil }
        state.references.append(Reference(buffer: buffer))
        let held = state.references.reduce(0) { $0 + ($1.buffer?.memory.count ?? 0) }
        state.peak = max(state.peak, held)
        state.reading += 1
        state.most = max(state.most, state.reading)
      }
      try await Task.sleep(for: .microseconds(300))
      try await base.read(at: offset, length: length, into: buffer)
      state.with { $0.reading -= 1 }
    }
  }

  @Test("buffers never weigh more than the budget, reads are never more than allowed")
  func peak() async throws {
    var setting = Setting(chunk: 64 << 10, budget: 500 << 10)
    setting.options.maximumReads = 5
    let source = Weigher(SparseRandomImage(size: 4_000_000, seed: 3, data: 0.9))
    let sink = MemorySink(granularity: 4096, delay: .milliseconds(1))
    _ = try await setting.run(source, to: sink, Recorder(pause: .microseconds(500)))
    #expect(source.state.with { $0.peak } <= 500 << 10)
    #expect(source.state.with { $0.most } <= 5)
    #expect(Bytes.firstDifference(sink.bytes, source.base.bytes()) == nil)
  }

  @Test("an empty TiB costs a few calls and no reads")
  func empty() async throws {
    let setting = Setting()
    let source = FaultySource(SparseRandomImage(runs: [.init(0..<(1 << 40), .hole)]))
    let sink = MemorySink()
    let recorder = Recorder(keeps: false)
    let tally = try await setting.run(source, to: sink, recorder)
    #expect(tally == ByteTally(virtual: 1 << 40, read: 0, written: 0, holes: 1 << 40))
    #expect(source.ranges == 0)
    #expect(recorder.count == 1 << 40)
    #expect(source.extentAttempts < 300)
    #expect(sink.reached.last == 1 << 40)
    #expect(sink.complaints == [])
  }

  @Test("cancelling does not wait for a TiB of zeros")
  func emptyCancelled() async throws {
    let setting = Setting()
    let recorder = Recorder(keeps: false, pause: .milliseconds(20))
    let task = Task { try await setting.run(SparseRandomImage(runs: [.init(0..<(1 << 40), .hole)]), to: MemorySink(), recorder) }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(recorder.count < 1 << 40)
  }

  @Test("holes behind a piece that is awaited are one entry, and one item for observers")
  func holesCoalesce() {
    var order = PieceOrder(isObserved: true)
    var seen: [Int64] = []
    let see: (Observed) -> Void = { if case .zeros(let count) = $0 { seen.append(count) } }
    let number = order.expect(to: 10)
    for index in 1...1000 { order.hole(to: 10 + Int64(index) * 100, see: see) }
    #expect(order.count == 2)
    order.arrived(number, Buffer(capacity: 10), see: see)
    #expect(seen == [100_000])
    #expect(order.frontier == 0)
    order.written(number)
    #expect(order.frontier == 100_010)
    #expect(order.count == 0)
  }

  @Test("progress stays within the size and ends at it")
  func progress() async throws {
    var setting = Setting(chunk: 64 << 10)
    setting.options.progressInterval = .zero
    let told = Locked([Progress]())
    setting.context.progress = { progress in told.with { $0.append(progress) } }
    let image = SparseRandomImage(size: 2_000_000, seed: 9)
    setting.options.maximumReads = 1
    _ = try await setting.run(image, to: MemorySink(granularity: 4096), Recorder())
    let positions = told.with { $0 }
    #expect(positions.last == Progress(phase: .transferring, position: image.size, total: image.size))
    #expect(positions.count > 2)
    #expect(positions.allSatisfy { $0.total == image.size && $0.position <= image.size })
  }
}
