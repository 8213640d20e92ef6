internal import Crypto
internal import Files
internal import Model
internal import Runtime

/// Takes the block hashes of a base while it is written, in whatever order that happens: what is hashed is summed up in the file of hashes, so that
/// nothing grows with the base and no byte is read again.
///
/// Each byte is told at most once, from any thread; what is never told is zeros.
final class BlockRecorder: Sendable {
  /// The file's name in `tmp`.
  let fileName: String
  private let key: [UInt8]
  private let file: File
  private let directory: Directory
  /// One for each thread that is just hashing.
  private let hashers = Locked<[BlockHash]>([])
  /// Held while an entry is changed, sixteen bytes in the page cache.
  private let entries = Locked<Void>(())

  /// Blocks shortly.
  init(in temporary: Directory) throws(SlipwayError) {
    fileName = TemporaryName(.blocks).text
    key = BlockHashes.newKey()
    directory = temporary
    file = try temporary.createFile(fileName, mode: 0o600)
    do throws(SlipwayError) {
      // Locked while its owner lives: what a sweep in another pid namespace sees.
      _ = try FileLock.lock(file)
      give(try BlockHash(key: key))
    } catch {
      discard()
      throw error
    }
  }

  /// These bytes are written at `offset`, a multiple of 64 KiB; they end at one, or are followed by zeros up to the next.
  func note(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SlipwayError) {
    guard offset >= 0, offset % Int64(BlockHash.unit) == 0 else {
      throw SlipwayError(.internalError, "a base is written in pieces at \(offset), which is no border of its hashes")
    }
    let hash: BlockHash
    if let free = hashers.with({ $0.popLast() }) { hash = free } else { hash = try BlockHash(key: key) }
    defer { give(hash) }
    var done = 0
    while done < bytes.count {
      let position = offset + Int64(done)
      let block = position / BlockHashes.blockSize
      let count = min(bytes.count - done, Int((block + 1) * BlockHashes.blockSize - position))
      let part = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
      let sum = try hash.sum(of: part, from: UInt64(position) / UInt64(BlockHash.unit))
      try add(sum, to: block)
      done += count
    }
  }

  /// Completes the hashes of a file of this size; it can be kept then.
  func finish(fileSize: Int64) throws(SlipwayError) {
    try BlockHashes(fileSize: fileSize, key: key).complete(file)
    try file.close()
  }

  /// Removes the hashes, unless they were kept.
  func discard() {
    _ = try? directory.remove(fileName)
    try? file.close()
  }

  private func add(_ sum: BlockHash.Sum, to block: Int64) throws(SlipwayError) {
    guard sum != BlockHash.Sum() else { return }
    let file = file
    try entries.with { _ throws(SlipwayError) in
      try BlockHashes.write(BlockHashes.entry(block, in: file) ^ sum, of: block, to: file)
    }
  }

  private func give(_ hash: BlockHash) { hashers.with { $0.append(hash) } }
}
