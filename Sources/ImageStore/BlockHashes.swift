internal import Model
internal import Crypto
internal import Files
internal import Runtime

/// The file `meta/<base>.blocks`: a hash of every 4 MiB of the published file, so that it can be checked in parallel, without decoding.
///
/// 64 bytes of header, all numbers little-endian: magic (16), version (4), algorithm (4; 2 is the sum of `BlockHash`, 1 was one AES-128-GMAC a
/// block), block size (8), size of the base's file (8), number of blocks (8), key (16). Then 16 bytes a block, zeros for one that holds nothing but
/// zeros, and last the SHA-256 of all before it: a damaged file of hashes must not make a sound base look damaged.
struct BlockHashes: Sendable {
  static let blockSize: Int64 = 4 << 20
  static let version: UInt32 = 2
  static let sums: UInt32 = 2
  static let headerSize = 64
  static let entrySize = BlockHash.length
  private static let sumSize = 32
  private static let magic = Array("slipway-blocks\0\0".utf8)

  /// Size of the base's file, in bytes.
  let fileSize: Int64
  /// What the blocks are hashed with, random for each file.
  let key: [UInt8]

  /// The number of blocks; the last one may be short.
  var count: Int64 { (fileSize + Self.blockSize - 1) / Self.blockSize }
  /// Where the trailer lies.
  var trailer: Int64 { Int64(Self.headerSize) + count * Int64(Self.entrySize) }
  /// Size of the file of hashes.
  var size: Int64 { trailer + Int64(Self.sumSize) }

  static func offset(of block: Int64) -> Int64 { Int64(headerSize) + block * Int64(entrySize) }
  func range(of block: Int64) -> Range<Int64> { block * Self.blockSize..<min(fileSize, (block + 1) * Self.blockSize) }

  var header: [UInt8] {
    var bytes = Self.magic
    func append<Number: FixedWidthInteger>(_ number: Number) { withUnsafeBytes(of: number.littleEndian) { bytes += $0 } }
    append(Self.version)
    append(Self.sums)
    append(UInt64(Self.blockSize))
    append(UInt64(fileSize))
    append(UInt64(count))
    return bytes + key
  }

  /// Why hashes cannot be used; goes after "its block hashes".
  struct Unusable: Error { let reason: String }

  /// What a file of hashes says of itself. Throws `Unusable` unless it is whole, as its trailer tells.
  init(reading file: File) throws {
    var bytes = [UInt8](repeating: 0, count: Self.headerSize)
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    guard count == Self.headerSize, Array(bytes[..<16]) == Self.magic else { throw Unusable(reason: "are unreadable") }
    func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    guard number(16..<20) <= Self.version else { throw Unusable(reason: "were written by a newer Slipway") }
    guard number(16..<20) == Self.version else { throw Unusable(reason: "are of a form that is no longer read") }
    self.init(fileSize: Int64(truncatingIfNeeded: number(32..<40) & 0x7FFF_FFFF_FFFF), key: Array(bytes[48..<64]))
    guard bytes == header, try file.size() == size else { throw Unusable(reason: "are damaged or cut off") }
    var trailing = [UInt8](repeating: 0, count: Self.sumSize)
    try trailing.withUnsafeMutableBytes { try file.readExactly(into: $0, at: trailer) }
    guard try sum(of: file) == trailing else { throw Unusable(reason: "are damaged") }
  }

  /// The hash of a block as it was written.
  func entry(_ block: Int64, in file: File) throws(SlipwayError) -> BlockHash.Sum { try Self.entry(block, in: file) }

  /// As above, of a file in the making; zero where nothing was written yet.
  static func entry(_ block: Int64, in file: File) throws(SlipwayError) -> BlockHash.Sum {
    var sum = BlockHash.Sum()
    let size = entrySize
    try withUnsafeMutableBytes(of: &sum) { bytes throws(SlipwayError) in
      _ = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<size]), at: offset(of: block))
    }
    return sum
  }

  static func write(_ sum: BlockHash.Sum, of block: Int64, to file: File) throws(SlipwayError) {
    try withUnsafeBytes(of: sum) { bytes throws(SlipwayError) in try file.write(bytes, at: offset(of: block)) }
  }

  static func newKey() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<BlockHash.keyLength).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// Completes a file whose entries are written: header and trailer, and everything synced.
  func complete(_ file: File) throws(SlipwayError) {
    try file.write(header, at: 0)
    try file.truncate(to: trailer)
    try file.write(sum(of: file), at: trailer)
    try file.sync()
  }

  /// For a file of this size, with a new key.
  init(fileSize: Int64) {
    self.init(fileSize: fileSize, key: Self.newKey())
  }

  init(fileSize: Int64, key: [UInt8]) {
    self.fileSize = fileSize
    self.key = key
  }

  /// The SHA-256 of all but the trailer.
  func sum(of file: File) throws(SlipwayError) -> [UInt8] {
    let digest = try StreamingDigest(.sha256)
    let buffer = Buffer(capacity: 1 << 20)
    var position: Int64 = 0
    while position < trailer {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[..<Int(min(trailer - position, 1 << 20))])
      try file.readExactly(into: part, at: position)
      try digest.update(UnsafeRawBufferPointer(part))
      position += Int64(part.count)
    }
    return try digest.finalize().bytes
  }
}
