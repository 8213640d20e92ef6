import Foundation
import TestSupport
import Testing

/// A seeded image: a size and data runs, whose bytes depend on the seed and their offset only.
struct SparseImage: Sendable, CustomTestStringConvertible {
  let name: String
  let size: Int64
  /// Ascending, apart, in multiples of the cluster size but for the end.
  let runs: [Range<Int64>]
  let seed: UInt64

  var testDescription: String { name }

  /// Each cluster is data with the given share.
  init(_ name: String, size: Int64, share: Double, cluster: Int64 = 65536, seed: UInt64 = 7) {
    var generator = SplitMix64(seed: seed)
    var runs: [Range<Int64>] = []
    var position: Int64 = 0
    while position < size {
      let length = Int64.random(in: 1...24, using: &generator) * cluster
      let end = min(size, position + length)
      if Double.random(in: 0..<1, using: &generator) < share { runs.append(position..<end) }
      position = end
    }
    self.init(name, size: size, runs: runs, seed: seed)
  }

  init(_ name: String, size: Int64, runs: [Range<Int64>], seed: UInt64 = 7) {
    self.name = name
    self.size = size
    self.runs = runs
    self.seed = seed
  }

  /// The bytes of a range that lies within one run and begins at a multiple of 8.
  func bytes(_ range: Range<Int64>) -> [UInt8] {
    let words = (range.lowerBound / 8..<(range.upperBound + 7) / 8).map { SplitMix64.mix(seed ^ UInt64($0)) | 0x0101_0101_0101_0101 }
    return words.withUnsafeBytes { Array($0.prefix(range.count)) }
  }

  /// The runs cut into pieces of at most `length` bytes.
  func pieces(_ length: Int64) -> [Range<Int64>] {
    runs.flatMap { run in stride(from: run.lowerBound, to: run.upperBound, by: Int(length)).map { $0..<min($0 + length, run.upperBound) } }
  }

  func writeRaw(to path: String) throws {
    let file = try LocalFile(path, create: true)
    try file.setSize(size)
    for piece in pieces(1 << 20) { try file.write(bytes(piece), at: piece.lowerBound) }
  }
}
