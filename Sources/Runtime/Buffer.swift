internal import Glibc

/// A block of page-aligned memory that a read fills and several readers then share. Freed with its last reference.
public final class Buffer: @unchecked Sendable {
  // Sendable by proof: filled by one owner before it is shared, only read afterwards; the hand-off between the two is Handoff's or a lock's.
  /// The memory.
  public let memory: UnsafeMutableRawBufferPointer
  private let block: UnsafeMutableRawPointer
  private let release: (@Sendable () -> Void)?

  /// `capacity` bytes, uninitialised, aligned to 4096. `release` runs once, when the memory has been freed (to give a budget back).
  public init(capacity: Int, release: (@Sendable () -> Void)? = nil) {
    // Aligned by hand: glibc 2.36's aligned allocation does not take a freed block of the same size again, so that a stream of buffers
    // grew the heap to several times what was alive.
    let count = max(capacity, 1)
    block = .allocate(byteCount: count + 4096, alignment: 1)
    memory = UnsafeMutableRawBufferPointer(start: block.alignedUp(toMultipleOf: 4096), count: count)
    self.release = release
  }

  deinit {
    block.deallocate()
    release?()
  }
}
