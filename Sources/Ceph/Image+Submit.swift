internal import CCeph
internal import Model
internal import Runtime

extension Image {
  /// Starts a read or write by `start` (a call of `rbd_aio_…` on the image, with a completion) and waits for its result without blocking. What the
  /// call uses, `buffer` and the open image, stays until librbd is done with it. Throws as Ceph says.
  func submit(
    _ buffer: Buffer, _ call: String, doing: @autoclosure () -> String, _ start: (rbd_image_t?, rbd_completion_t?) -> Int
  ) async throws -> Int {
    try Task.checkCancellation()
    let handoff = Handoff<Int>()
    let pending = PendingIO(handle: handle, workers: pool.cluster.workers, buffer: buffer, handoff: handoff)
    let image = try handle.enter()
    var completion: rbd_completion_t?
    let context = Unmanaged.passRetained(pending)
    var code = Int(rbd_aio_create_completion(context.toOpaque(), pendingIOFinished, &completion))
    if code == 0 {
      code = start(image, completion)
      if code < 0 { rbd_aio_release(completion) }
    }
    if code < 0 {
      context.release()
      handle.leave()
      try CephCheck.check(code, call, object: label, doing: doing())
    }
    return try CephCheck.check(try await handoff.value(), call, object: label, doing: doing())
  }
}
