import Files
import ImageFormats
import Model
import Runtime
import TestSupport
import Testing
import Transports

@Suite(.timeLimit(.minutes(1))) struct FileTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  /// Sizes at which something could be off by one.
  static let sizes: [Int64] = [0, 1, 511, 65535, 65536, 65537, 4 << 20, (4 << 20) + 1]

  @Test(arguments: sizes) func aRawFileComesBackByteForByte(_ size: Int64) async throws {
    let image = SparseRandomImage(size: size, seed: UInt64(size) + 1)
    let file = try bed.file("raw")
    _ = try await bed.run(image, to: RawFileSink(file, workers: bed.workers))
    #expect(try file.size() == size)
    let back = MemorySink()
    _ = try await bed.run(FileSource(file, size: size, workers: bed.workers), to: back)
    #expect(Bytes.firstDifference(back.bytes, image.bytes()) == nil)
    try file.close()
  }

  @Test func holesStayHoles() async throws {
    let image = SparseRandomImage(
      runs: [.init(0..<65536, .random), .init(65536..<(64 << 20), .hole), .init((64 << 20)..<(64 << 20) + 65536, .random)])
    let file = try bed.file("raw")
    let tally = try await bed.run(image, to: RawFileSink(file, workers: bed.workers))
    #expect(tally.written == 131072)
    #expect(try file.status().allocated < 1 << 20)
    let back = MemorySink()
    let read = try await bed.run(FileSource(file, size: image.size, workers: bed.workers), to: back)
    #expect(read.read < 1 << 20, "holes are not read")
    try file.close()
  }

  @Test(arguments: sizes) func aQcow2ComesBackByteForByte(_ size: Int64) async throws {
    let image = SparseRandomImage(size: size, seed: UInt64(size) + 2)
    let file = try bed.file("qcow2")
    _ = try await bed.run(image, to: try Qcow2FileSink(file, virtualSize: size, workers: bed.workers))
    let source = try await Qcow2Source.open(file, size: file.size(), workers: bed.workers)
    #expect(source.size == (size + 511) / 512 * 512)
    let back = MemorySink()
    _ = try await bed.run(source, to: back)
    #expect(Bytes.firstDifference(Array(back.bytes.prefix(Int(size))), image.bytes()) == nil)
    #expect(back.bytes.dropFirst(Int(size)).allSatisfy { $0 == 0 })
    try file.close()
  }

  @Test func theEstimateOfAQcow2IsItsDataNotItsSize() async throws {
    let image = SparseRandomImage(
      runs: [.init(0..<65536, .random), .init(65536..<(600 << 20), .hole), .init((600 << 20)..<(600 << 20) + 65536, .random)])
    let file = try bed.file("qcow2")
    _ = try await bed.run(image, to: try Qcow2FileSink(file, virtualSize: image.size, workers: bed.workers))
    let source = try await Qcow2Source.open(file, size: file.size(), workers: bed.workers)
    #expect(try await source.estimate() == 131072)
    try file.close()
  }

  @Test func aFailedTransferLeavesNoQcow2Header() async throws {
    let source = FaultySource(SparseRandomImage(size: 3 << 20, seed: 5, data: 1), .fail(1, times: 9, code: .sourceFailed))
    let file = try bed.file("qcow2")
    let sink = try Qcow2FileSink(file, virtualSize: source.size, workers: bed.workers)
    #expect(await Bed.code { _ = try await bed.run(source, to: sink) } == .sourceFailed)
    let opened = await Bed.code { _ = try await Qcow2Source.open(file, size: file.size(), workers: bed.workers) }
    #expect(opened == .formatRefused)
    try file.close()
  }

  @Test func aSizeThatNoQcow2CanHaveIsRefused() throws {
    let file = try bed.file("qcow2")
    let error = #expect(throws: SlipwayError.self) { _ = try Qcow2FileSink(file, virtualSize: .max, workers: bed.workers) }
    #expect(error?.code == .formatRefused)
    try file.close()
  }

  @Test func aFileThatShrinksWhileItIsReadIsAnError() async throws {
    let file = try bed.file("raw", SparseRandomImage(size: 1 << 20, seed: 3, data: 1).bytes())
    let source = FileSource(file, size: 1 << 20, workers: bed.workers)
    let buffer = Buffer(capacity: 4096)
    try await source.read(at: 0, length: 4096, into: buffer)
    try file.truncate(to: 100)
    let code = await Bed.code { try await source.read(at: 0, length: 4096, into: buffer) }
    #expect(code == .sizeMismatch)
    try file.close()
  }

  @Test func aFileThatWasWrittenToIsNotUnchanged() async throws {
    let file = try bed.file("raw", [1, 2, 3])
    let before = try file.status()
    try FileSource.proveUnchanged(file, since: before)
    // The kernel's clock for files ticks every few milliseconds.
    try await Task.sleep(for: .milliseconds(20))
    try file.write([9], at: 1)
    #expect(try file.status().size == before.size)
    let error = #expect(throws: SlipwayError.self) { try FileSource.proveUnchanged(file, since: before) }
    #expect(error?.code == .sourceFailed)
    try file.close()
  }
}
