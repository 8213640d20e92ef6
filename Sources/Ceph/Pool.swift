internal import CCeph
internal import Model
internal import Runtime

/// One pool of a cluster, opened for I/O.
public final class Pool: Sendable {
  /// The pool's name.
  public let name: String
  /// The pool's id, which no other pool of the cluster ever gets.
  public let id: Int64
  /// The connection that it hangs on.
  public let cluster: Cluster
  let handle: HandleGuard

  /// Takes over `pointer` and one entry of the cluster's handle.
  init(name: String, id: Int64, cluster: Cluster, pointer: UnsafeMutableRawPointer) {
    self.name = name
    self.id = id
    self.cluster = cluster
    let parent = cluster.handle
    handle = HandleGuard(pointer, what: "pool '\(name)'") { pointer in
      rados_ioctx_destroy(pointer)
      parent.leave()
    }
  }

  deinit { handle.close() }

  /// Closes the pool as soon as its images are closed. Idempotent.
  public func close() async {
    let handle = self.handle
    _ = try? await cluster.workers.runAlways { handle.close() }
  }

  /// Runs a blocking call inside the pool on the cluster's threads.
  @discardableResult
  func blocking<Value: Sendable>(_ body: @escaping @Sendable (UnsafeMutableRawPointer) throws -> Value) async throws -> Value {
    let handle = self.handle
    return try await cluster.blocking { try handle.use(body) }
  }

  /// Opens an image (Implements `rbd_open_read_only`, `rbd_open`); read-only opens register no watch, so read-only caps do.
  ///
  /// Throws `source_not_found` when the image or the snapshot is missing, `permission_denied`, `timeout`.
  public func open(_ image: String, snapshot: String? = nil, readOnly: Bool = true) async throws -> Image {
    let label = "\(name)/\(image)" + (snapshot.map { "@\($0)" } ?? "")
    return try await open(image, label: label) { io, made in
      readOnly ? rbd_open_read_only(io, image, &made, snapshot) : rbd_open(io, image, &made, snapshot)
    }
  }

  /// Opens an image by its id, also in the trash (Implements `rbd_open_by_id_read_only`, `rbd_open_by_id`). Throws as `open`.
  public func open(id: String, readOnly: Bool = true) async throws -> Image {
    try await open(id, label: "\(name)/\(id)") { io, made in
      readOnly ? rbd_open_by_id_read_only(io, id, &made, nil) : rbd_open_by_id(io, id, &made, nil)
    }
  }

  private func open(
    _ image: String, label: String, _ body: @escaping @Sendable (rados_ioctx_t, inout rbd_image_t?) -> Int32
  ) async throws -> Image {
    let pool = self
    return try await cluster.blocking {
      let io = try pool.handle.enter()
      var made: rbd_image_t?
      let code = body(io, &made)
      do {
        try CephCheck.check(code, "rbd_open", object: label, doing: "open \(label)")
        guard let opened = made else { throw SlipwayError(.internalError, "rbd_open made no handle for \(label)", object: label) }
        letOpenReturn(io)
        return try Image(label: label, name: image, pool: pool, pointer: opened)
      } catch {
        pool.handle.leave()
        throw error
      }
    }
  }
}

/// Waits until librados' callback thread has left what it runs now (Implements `rados_aio_flush_async`, which asks no OSD without writes).
///
/// `rbd_open` returns as soon as that thread has woken it, and the thread then looks at the image once more (librbd 16.2,
/// `ImageState::complete_action_unlock`: the contexts are completed, after that the state's lock is taken again). An image that is closed at
/// once is freed under it: the process aborts or hangs. Callbacks are run one after the other, so this one's turn comes when that is over.
private func letOpenReturn(_ io: rados_ioctx_t) {
  var completion: rados_completion_t?
  guard rados_aio_create_completion2(nil, nil, &completion) == 0 else { return }
  if rados_aio_flush_async(io, completion) == 0 { rados_aio_wait_for_complete(completion) }
  rados_aio_release(completion)
}
