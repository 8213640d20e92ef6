internal import Model
internal import Crypto
internal import Files
internal import Runtime

/// Reads blocks of one file and hashes them. For one thread at a time.
struct BlockReader: Sendable {
  let hashes: BlockHashes
  let file: File
  /// Reads the last block when `file` goes past the page cache and the block is no multiple of the device's.
  let plain: File
  private let buffer = Buffer(capacity: 1 << 20)

  init(_ hashes: BlockHashes, file: File, plain: File? = nil) {
    self.hashes = hashes
    self.file = file
    self.plain = plain ?? file
  }

  /// Whether the block holds no data at all.
  func isHole(_ block: Int64) throws -> Bool {
    let range = hashes.range(of: block)
    guard let first = try file.extents(from: range.lowerBound, to: range.upperBound, limit: 1).extents.first else { return true }
    return !first.isData && first.end >= range.upperBound
  }

  /// The SHA-256 of a block.
  func hash(_ block: Int64) throws -> [UInt8] {
    let range = hashes.range(of: block)
    let digest = try StreamingDigest(.sha256)
    let source = range.upperBound % 4096 == 0 ? file : plain
    var position = range.lowerBound
    while position < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<Int(min(range.upperBound - position, 1 << 20))])
      try source.readExactly(into: part, at: position)
      try digest.update(UnsafeRawBufferPointer(part))
      position += Int64(part.count)
    }
    return try digest.finalize().bytes
  }

  /// The SHA-256 of the block if it held zeros alone.
  func hashOfZeros(_ block: Int64) throws -> [UInt8] {
    let digest = try StreamingDigest(.sha256)
    try digest.zeros(Int64(hashes.range(of: block).count))
    return try digest.finalize().bytes
  }
}
