internal import Glibc
public import Model
public import Runtime
public import Transfer

/// An image of any size whose bytes follow from a seed: runs of random bytes, of zeros that are stored, and holes. Costs memory per run, not per byte.
public struct SparseRandomImage: RandomAccessSource {
  /// What a run consists of.
  public enum Kind: Sendable, Hashable {
    /// Bytes from the seed, told as data.
    case random
    /// Zeros, told as data.
    case zeros
    /// Zeros, told as a hole.
    case hole
  }

  /// A run of one kind.
  public struct Run: Sendable, Hashable {
    /// First byte, and the first after it.
    public let range: Range<Int64>
    /// What it consists of.
    public let kind: Kind

    /// A run over `range`, which is not empty.
    public init(_ range: Range<Int64>, _ kind: Kind) {
      self.range = range
      self.kind = kind
    }
  }

  /// The size in bytes.
  public let size: Int64
  /// The runs, ascending, without gap.
  public let runs: [Run]
  private let seed: UInt64

  /// An image of `size` bytes with runs of 1 to `longest` bytes, `data` of which (0 to 1, by count) hold random bytes. About one in eight is
  /// stored zeros; run ends lie at odd places as often as at multiples of 4096.
  public init(size: Int64, seed: UInt64, data: Double = 0.4, longest: Int64 = 300_000) {
    var generator = SplitMix64(seed: seed)
    var runs: [Run] = []
    var position: Int64 = 0
    while position < size {
      var length = Int64.random(in: 1...max(1, longest), using: &generator)
      if Bool.random(using: &generator) { length = max(4096, length / 4096 * 4096) }
      let end = min(size, position + length)
      let dice = Double.random(in: 0..<1, using: &generator)
      let kind: Kind = dice < data ? .random : dice < data + 0.125 ? .zeros : .hole
      runs.append(Run(position..<end, kind))
      position = end
    }
    self.init(runs: runs, seed: seed)
  }

  /// An image of just these runs, which follow each other from 0.
  public init(runs: [Run], seed: UInt64 = 1) {
    self.runs = runs
    self.seed = seed
    size = runs.last?.range.upperBound ?? 0
  }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    pieces(of: offset..<end).map {
      Extent(offset: $0.range.lowerBound, length: $0.range.upperBound - $0.range.lowerBound, isData: $0.kind != .hole)
    }
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    guard offset >= 0, offset + Int64(length) <= size, length <= buffer.memory.count else {
      throw SlipwayError(.sourceFailed, "\(offset) + \(length) is outside the image")
    }
    fill(UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<length]), from: offset)
  }

  /// Fills `memory` with the bytes from `offset`, which must lie within the size.
  public func fill(_ memory: UnsafeMutableRawBufferPointer, from offset: Int64) {
    guard let base = memory.baseAddress else { return }
    for piece in pieces(of: offset..<offset + Int64(memory.count)) {
      let start = Int(piece.range.lowerBound - offset)
      let count = Int(piece.range.upperBound - piece.range.lowerBound)
      guard piece.kind == .random else {
        memset(base + start, 0, count)
        continue
      }
      random(UnsafeMutableRawBufferPointer(start: base + start, count: count), from: piece.range.lowerBound)
    }
  }

  /// Random bytes: a tile of a prime length over and over, and a number of its own at the start of each 4 KiB, so that no two blocks are alike.
  private func random(_ memory: UnsafeMutableRawBufferPointer, from offset: Int64) {
    guard let base = memory.baseAddress else { return }
    let tile = SparseRandomImage.tile
    var done = 0
    while done < memory.count {
      let position = offset + Int64(done)
      let within = Int(position % 4096)
      if within < 8 {
        var word = SplitMix64.mix(seed ^ UInt64(position / 4096)) >> UInt64(8 * within)
        let step = min(memory.count - done, 8 - within)
        memcpy(base + done, &word, step)
        done += step
      } else {
        let at = Int((UInt64(position) &+ seed &* 977) % UInt64(tile.count))
        let step = min(memory.count - done, 4096 - within, tile.count - at)
        tile.withUnsafeBytes { if let from = $0.baseAddress { _ = memcpy(base + done, from + at, step) } }
        done += step
      }
    }
  }

  private static let tile: [UInt8] = {
    var generator = SplitMix64(seed: 42)
    return (0..<65521).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }()

  /// The whole image; for small ones.
  public func bytes() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Int(size)) { memory, count in
      fill(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[..<Int(size)]), from: 0)
      count = Int(size)
    }
  }

  private func pieces(of range: Range<Int64>) -> [Run] {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].range.upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    var found: [Run] = []
    while low < runs.count, runs[low].range.lowerBound < range.upperBound {
      found.append(Run(runs[low].range.clamped(to: range), runs[low].kind))
      low += 1
    }
    return found
  }
}
