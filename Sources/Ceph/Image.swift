internal import CCeph
public import Model
internal import Runtime

/// One open RBD image, at its head or at a snapshot.
public final class Image: Sendable {
  /// `pool/image[@snapshot]`, for messages.
  public let label: String
  /// The image's name.
  public let name: String
  /// The pool that it hangs on.
  public let pool: Pool
  /// Size in bytes when it was opened, of the snapshot where one was named.
  public let size: Int64
  /// log2 of the object size, 12 to 25.
  public let order: Int32
  /// Bit mask of `RBD_FEATURE_…`.
  public let features: UInt64
  /// The id, which survives a rename and is never given again.
  public let id: String
  let handle: HandleGuard

  /// Takes over `pointer` and one entry of the pool's handle, also when it throws (then `pointer` is closed and the entry stays the caller's).
  init(label: String, name: String, pool: Pool, pointer: UnsafeMutableRawPointer) throws {
    do {
      var info = rbd_image_info_t()
      try CephCheck.check(
        rbd_stat(pointer, &info, MemoryLayout<rbd_image_info_t>.size), "rbd_stat", object: label, doing: "ask the size of \(label)")
      var features: UInt64 = 0
      try CephCheck.check(rbd_get_features(pointer, &features), "rbd_get_features", object: label, doing: "ask the features of \(label)")
      var id = [CChar](repeating: 0, count: 64)
      try CephCheck.check(rbd_get_id(pointer, &id, id.count), "rbd_get_id", object: label, doing: "ask the id of \(label)")
      self.size = Int64(clamping: info.size)
      self.order = info.order
      self.features = features
      self.id = string(id)
    } catch {
      rbd_close(pointer)
      throw error
    }
    self.label = label
    self.name = name
    self.pool = pool
    let parent = pool.handle
    handle = HandleGuard(pointer, what: label) { pointer in
      rbd_close(pointer)
      parent.leave()
    }
  }

  deinit { handle.close() }

  /// Closes the image as soon as its reads are back. Idempotent.
  public func close() async {
    let handle = self.handle
    _ = try? await pool.cluster.workers.runAlways { handle.close() }
  }

  @discardableResult
  func blocking<Value: Sendable>(_ body: @escaping @Sendable (UnsafeMutableRawPointer) throws -> Value) async throws -> Value {
    let handle = self.handle
    return try await pool.cluster.blocking { try handle.use(body) }
  }

  /// Grows (or, if allowed, shrinks) the image to `size` bytes (Implements `rbd_resize2`).
  public func resize(to size: ByteCount) async throws {
    let label = self.label
    try await blocking { image in
      try CephCheck.check(
        rbd_resize2(image, UInt64(size.bytes), false, { _, _, _ in 0 }, nil), "rbd_resize2", object: label,
        doing: "resize \(label) to \(size)")
    }
  }

  /// Copies all that the image still has from its parent, so that it stands alone (Implements `rbd_flatten_with_progress`); for an image without a parent,
  /// nothing. May be done while a machine runs on it. `progress` is told done and total objects, on a thread of librbd's; false stops.
  public func flatten(progress: @escaping @Sendable (UInt64, UInt64) -> Bool) async throws {
    let label = self.label
    try await blocking { image in
      let teller = FlattenTeller(progress)
      let code = withExtendedLifetime(teller) {
        rbd_flatten_with_progress(
          image,
          { done, total, opaque in
            guard let opaque else { return 0 }
            return Unmanaged<FlattenTeller>.fromOpaque(opaque).takeUnretainedValue().tell(done, total) ? 0 : -125  // ECANCELED
          }, Unmanaged.passUnretained(teller).toOpaque())
      }
      // EINVAL: there is no parent (any more).
      if code == -22, try parentIsMissing(image, label) { return }
      try CephCheck.check(code, "rbd_flatten_with_progress", object: label, doing: "flatten \(label)")
    }
  }

  /// Whether the open snapshot is protected (Implements `rbd_snap_is_protected`).
  public func isProtected(snapshot: String) async throws -> Bool {
    let label = self.label
    return try await blocking { image in
      var protected: Int32 = 0
      try CephCheck.check(
        rbd_snap_is_protected(image, snapshot, &protected), "rbd_snap_is_protected", object: label,
        doing: "ask whether \(label) is protected")
      return protected != 0
    }
  }

  /// The number of snapshots at the head (Implements `rbd_snap_list`).
  public func snapshotCount() async throws -> Int {
    let label = self.label
    return try await blocking { image in
      var room: Int32 = 64
      while true {
        var list = [rbd_snap_info_t](repeating: rbd_snap_info_t(), count: Int(room))
        let count = rbd_snap_list(image, &list, &room)
        if count == -34 { continue }  // ERANGE: `room` now tells how many there are
        try CephCheck.check(count, "rbd_snap_list", object: label, doing: "list the snapshots of \(label)")
        if count > 0 { rbd_snap_list_end(&list) }
        return Int(count)
      }
    }
  }

  /// The parent's `pool id`, image id and snapshot id; nil for an image without one (Implements `rbd_get_parent`).
  public func parent() async throws -> ImageParent? {
    let label = self.label
    return try await blocking { image in
      var parent = rbd_linked_image_spec_t()
      var snapshot = rbd_snap_spec_t()
      let code = rbd_get_parent(image, &parent, &snapshot)
      if code == -2 { return nil }
      try CephCheck.check(code, "rbd_get_parent", object: label, doing: "ask for the parent of \(label)")
      defer {
        rbd_linked_image_spec_cleanup(&parent)
        rbd_snap_spec_cleanup(&snapshot)
      }
      return ImageParent(
        pool: String(cString: parent.pool_name), poolID: parent.pool_id, image: String(cString: parent.image_name),
        imageID: String(cString: parent.image_id), snapshot: String(cString: snapshot.name), snapshotID: snapshot.id)
    }
  }

  /// How many ancestors the image has, `limit` at most: its parent, the parent's parent and so on.
  public func depth(limit: Int = 32) async throws -> Int {
    guard limit > 0, let parent = try await parent() else { return 0 }
    let pool = parent.pool == self.pool.name ? self.pool : try await self.pool.cluster.pool(parent.pool)
    let opened: Image
    do {
      opened = try await pool.open(id: parent.imageID)
    } catch {
      if pool !== self.pool { await pool.close() }
      throw error
    }
    let above: Result<Int, any Error>
    do {
      above = .success(try await opened.depth(limit: limit - 1))
    } catch {
      above = .failure(error)
    }
    await opened.close()
    if pool !== self.pool { await pool.close() }
    return try above.get() + 1
  }

  /// Whether somebody else has the image open for writing: the number of watchers, ours left out when we opened it so
  /// (Implements `rbd_watchers_list`).
  public func watcherCount() async throws -> Int {
    let label = self.label
    return try await blocking { image in
      var room = 16
      while true {
        var list = [rbd_image_watcher_t](repeating: rbd_image_watcher_t(), count: room)
        let code = rbd_watchers_list(image, &list, &room)
        if code == -34 { continue }
        try CephCheck.check(code, "rbd_watchers_list", object: label, doing: "list who has \(label) open")
        rbd_watchers_list_cleanup(&list, room)
        return room
      }
    }
  }
}

/// Where a clone came from.
public struct ImageParent: Sendable, Hashable {
  /// The parent's pool.
  public let pool: String
  /// The pool's id, which no other pool ever gets.
  public let poolID: Int64
  /// The parent's name.
  public let image: String
  /// The parent's image id.
  public let imageID: String
  /// The snapshot's name.
  public let snapshot: String
  /// The snapshot's id, never given again within the image.
  public let snapshotID: UInt64
}

extension Image {
  /// A snapshot's id, never given again within the image (Implements `rbd_snap_get_id`).
  public func snapshotID(_ snapshot: String) async throws -> UInt64 {
    let label = self.label
    return try await blocking { image in
      var id: UInt64 = 0
      try CephCheck.check(
        rbd_snap_get_id(image, snapshot, &id), "rbd_snap_get_id", object: label, doing: "ask for snapshot '\(snapshot)' of \(label)")
      return id
    }
  }
}

/// Takes progress out of librbd's callback, which is a C function.
private final class FlattenTeller: Sendable {
  let tell: @Sendable (UInt64, UInt64) -> Bool
  init(_ tell: @escaping @Sendable (UInt64, UInt64) -> Bool) { self.tell = tell }
}

private func parentIsMissing(_ image: UnsafeMutableRawPointer, _ label: String) throws -> Bool {
  var parent = rbd_linked_image_spec_t()
  var snapshot = rbd_snap_spec_t()
  let code = rbd_get_parent(image, &parent, &snapshot)
  if code == -2 { return true }
  try CephCheck.check(code, "rbd_get_parent", object: label, doing: "ask for the parent of \(label)")
  rbd_linked_image_spec_cleanup(&parent)
  rbd_snap_spec_cleanup(&snapshot)
  return false
}
