internal import Crypto
internal import Files
internal import Glibc
internal import Model
internal import Runtime

/// Reads blocks of one file and hashes them. For one thread at a time.
struct BlockReader: Sendable {
  let hashes: BlockHashes
  let file: File
  /// Reads the last block when `file` goes past the page cache and the block is no multiple of the device's.
  let plain: File
  private let buffer = Buffer(capacity: 1 << 20)
  private let keyed: BlockHash

  init(_ hashes: BlockHashes, file: File, plain: File? = nil) throws(SlipwayError) {
    self.hashes = hashes
    self.file = file
    self.plain = plain ?? file
    keyed = try BlockHash(key: hashes.key)
  }

  /// Whether the block holds no data at all.
  func isHole(_ block: Int64) throws -> Bool {
    let range = hashes.range(of: block)
    return try file.isHole(from: range.lowerBound, to: range.upperBound)
  }

  /// The hash of a block.
  func hash(_ block: Int64) throws -> BlockHash.Sum {
    let range = hashes.range(of: block)
    guard file !== plain, range.upperBound % 4096 == 0 else { return try hash(block, range, plain) }
    do throws(SlipwayError) {
      return try hash(block, range, file)
    } catch {
      // Some file systems take O_DIRECT and then want other multiples than ours.
      guard error.errno == EINVAL else { throw error }
      return try hash(block, range, plain)
    }
  }

  private func hash(_ block: Int64, _ range: Range<Int64>, _ source: File) throws(SlipwayError) -> BlockHash.Sum {
    var sum = BlockHash.Sum()
    var position = range.lowerBound
    while position < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<Int(min(range.upperBound - position, 1 << 20))])
      try source.readExactly(into: part, at: position)
      sum ^= try keyed.sum(of: UnsafeRawBufferPointer(part), from: UInt64(position) / UInt64(BlockHash.unit))
      position += Int64(part.count)
    }
    return sum
  }
}
