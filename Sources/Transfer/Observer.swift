/// Sees every byte of the image in order, holes as zeros: a digest, a signature's hash, the format inspector.
///
/// The engine calls it on an owned thread of its own, one call at a time, and is done with it when it returns; its results may be read from then
/// on. So a class with plain state is right, marked `@unchecked Sendable` with that reason. An error that it throws ends the transfer at once.
public protocol Observer: AnyObject, Sendable {
  /// The next bytes; valid during the call only.
  func update(_ bytes: UnsafeRawBufferPointer) throws

  /// The next `count` bytes, more than 0, are zeros. Long runs come in several calls, so that a cancellation need not wait.
  func zeros(_ count: Int64) throws
}

extension Observer {
  /// Gives zeros to `update`, block by block.
  public func zeros(_ count: Int64) throws {
    var left = count
    while left > 0 {
      let step = Int(min(left, Int64(ZeroBlock.bytes.count)))
      try update(UnsafeRawBufferPointer(rebasing: ZeroBlock.bytes[..<step]))
      left -= Int64(step)
    }
  }
}

/// A block of zeros that everybody shares.
public enum ZeroBlock {
  /// 64 KiB of zeros: small enough to stay in a core's cache.
  // Safe to share: filled once, before anybody sees it, and never written or freed.
  public nonisolated(unsafe) static let bytes: UnsafeRawBufferPointer = {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    return UnsafeRawBufferPointer(memory)
  }()
}
