internal import CCeph
internal import Model
public import Runtime

extension Image {
  /// Reads `length` bytes (1 to the buffer's size) at `offset` into `buffer.memory[0..<length]` without blocking (Implements
  /// `rbd_aio_read2`). Throws `source_failed` for a short read, else as Ceph says. The buffer stays alive until librbd is done with it.
  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    let got = try await submit(buffer, "rbd_aio_read2", doing: "read \(label) at \(offset)") { image, completion in
      let memory = buffer.memory.baseAddress?.assumingMemoryBound(to: CChar.self)
      // Read once, in order of no use to a cache.
      let flags = Int32(LIBRADOS_OP_FLAG_FADVISE_NOCACHE)
      return Int(rbd_aio_read2(image, UInt64(offset), min(length, buffer.memory.count), memory, completion, flags))
    }
    guard got == length else {
      throw SlipwayError(.sourceFailed, "\(label) gave \(got) of \(length) bytes at \(offset): it shrank while it was read", object: label)
    }
  }

  /// Fills all of `memory` with the bytes from `offset`, on the calling thread, which blocks (Implements `rbd_read2`). Throws as `read`.
  public func readBlocking(at offset: Int64, into memory: UnsafeMutableRawBufferPointer) throws {
    let bytes = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
    let got = try handle.use { image in
      rbd_read2(image, UInt64(offset), memory.count, bytes, Int32(LIBRADOS_OP_FLAG_FADVISE_NOCACHE))
    }
    try CephCheck.check(got, "rbd_read2", object: label, doing: "read \(label) at \(offset)")
    guard got == memory.count else {
      throw SlipwayError(
        .sourceFailed, "\(label) gave \(got) of \(memory.count) bytes at \(offset): it shrank while it was read", object: label)
    }
  }
}
