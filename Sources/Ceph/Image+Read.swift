internal import CCeph
internal import Model
public import Runtime

extension Image {
  /// Reads `length` bytes (1 to the buffer's size) at `offset` into `buffer.memory[0..<length]` without blocking (Implements
  /// `rbd_aio_read2`). Throws `source_failed` for a short read, else as Ceph says. The buffer stays alive until librbd is done with it.
  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    try Task.checkCancellation()
    let handoff = Handoff<Int>()
    let pending = PendingRead(handle: handle, workers: pool.cluster.workers, buffer: buffer, handoff: handoff)
    let image = try handle.enter()
    var completion: rbd_completion_t?
    let context = Unmanaged.passRetained(pending)
    var code = rbd_aio_create_completion(context.toOpaque(), pendingReadFinished, &completion)
    if code == 0 {
      let memory = buffer.memory.baseAddress?.assumingMemoryBound(to: CChar.self)
      // Read once, in order of no use to a cache.
      let flags = Int32(LIBRADOS_OP_FLAG_FADVISE_NOCACHE)
      code = rbd_aio_read2(image, UInt64(offset), min(length, buffer.memory.count), memory, completion, flags)
      if code < 0 { rbd_aio_release(completion) }
    }
    if code < 0 {
      context.release()
      handle.leave()
      try CephCheck.check(code, "rbd_aio_read2", object: label, doing: "read \(label) at \(offset)")
    }
    let got = try await handoff.value()
    try CephCheck.check(got, "rbd_aio_read2", object: label, doing: "read \(label) at \(offset)")
    guard got == length else {
      throw SlipwayError(.sourceFailed, "\(label) gave \(got) of \(length) bytes at \(offset): it shrank while it was read", object: label)
    }
  }
}

/// What a read in flight keeps alive: the handle's entry, the memory and who waits.
private final class PendingRead: Sendable {
  let handle: HandleGuard
  let workers: WorkerPool
  let buffer: Buffer
  let handoff: Handoff<Int>

  init(handle: HandleGuard, workers: WorkerPool, buffer: Buffer, handoff: Handoff<Int>) {
    self.handle = handle
    self.workers = workers
    self.buffer = buffer
    self.handoff = handoff
  }
}

/// librbd's callback, on one of its threads, exactly once for each read that was accepted.
private func pendingReadFinished(_ completion: rbd_completion_t?, _ argument: UnsafeMutableRawPointer?) {
  guard let argument else { return }
  let pending = Unmanaged<PendingRead>.fromOpaque(argument).takeRetainedValue()
  let result = rbd_aio_get_return_value(completion)
  rbd_aio_release(completion)
  pending.handle.leave(closingOn: pending.workers)
  pending.handoff.fulfill(.success(result))
}
