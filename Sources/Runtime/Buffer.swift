internal import Glibc

/// A block of page-aligned memory that a read fills and several readers then share. Freed with its last reference.
public final class Buffer: @unchecked Sendable {
  // Sendable by proof: filled by one owner before it is shared, only read afterwards; the hand-off between the two is Handoff's or a lock's.
  /// The memory.
  public let memory: UnsafeMutableRawBufferPointer
  private let release: (@Sendable () -> Void)?

  /// `capacity` bytes, uninitialised, aligned to 4096. `release` runs once, when the memory has been freed (to give a budget back).
  public init(capacity: Int, release: (@Sendable () -> Void)? = nil) {
    memory = .allocate(byteCount: max(capacity, 1), alignment: 4096)
    self.release = release
  }

  deinit {
    memory.deallocate()
    release?()
  }
}
