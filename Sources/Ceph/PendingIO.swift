internal import CCeph
internal import Model
internal import Runtime

/// What a read or write in flight keeps alive: the handle's entry, the memory and who waits.
final class PendingIO: Sendable {
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

/// librbd's callback, on one of its threads, exactly once for each read or write that was accepted.
func pendingIOFinished(_ completion: rbd_completion_t?, _ argument: UnsafeMutableRawPointer?) {
  guard let argument else { return }
  let pending = Unmanaged<PendingIO>.fromOpaque(argument).takeRetainedValue()
  let result = rbd_aio_get_return_value(completion)
  rbd_aio_release(completion)
  pending.handle.leave(closingOn: pending.workers)
  pending.handoff.fulfill(.success(result))
}
