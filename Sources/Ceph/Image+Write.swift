internal import CCeph
public import Model
public import Runtime

extension Image {
  /// Writes `buffer.memory[range]` at `offset` without blocking (Implements `rbd_aio_write2`). The image must be open for writing and reach so
  /// far. The buffer stays alive until librbd is done with it.
  public func write(_ buffer: Buffer, range: Range<Int>, at offset: Int64) async throws {
    guard !range.isEmpty else { return try Task.checkCancellation() }
    _ = try await submit(buffer, "rbd_aio_write2", doing: "write \(label) at \(offset)") { image, completion in
      let memory = UnsafeRawBufferPointer(rebasing: buffer.memory[range])
      // A base is written once, and read by others.
      return Int(
        rbd_aio_write2(
          image, UInt64(offset), memory.count, memory.baseAddress?.assumingMemoryBound(to: CChar.self), completion,
          Int32(LIBRADOS_OP_FLAG_FADVISE_DONTNEED)))
    }
  }

  /// Waits until everything written is on disk (Implements `rbd_flush`).
  public func flush() async throws {
    let label = self.label
    try await blocking { image in
      try CephCheck.check(rbd_flush(image), "rbd_flush", object: label, doing: "flush \(label)")
    }
  }

  /// Sets the size to exactly `size` bytes, cutting off what lies behind (Implements `rbd_resize2`).
  public func truncate(to size: ByteCount) async throws {
    let label = self.label
    try await blocking { image in
      try CephCheck.check(
        rbd_resize2(image, UInt64(size.bytes), true, { _, _, _ in 0 }, nil), "rbd_resize2", object: label,
        doing: "cut \(label) to \(size)")
    }
  }
}
