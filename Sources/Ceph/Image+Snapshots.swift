internal import CCeph
internal import Model
internal import Runtime

/// A snapshot of an image, as the image's head tells it.
public struct ImageSnapshot: Sendable, Hashable {
  /// Its id, never given again within the image.
  public let id: UInt64
  /// Its name.
  public let name: String
  /// The image's size in bytes when it was taken.
  public let size: Int64
  /// Whether it is one that somebody made and named, and not one that Ceph keeps for a clone, a group or a mirror.
  public let isUsers: Bool
  /// The name that it had, of one that was removed and is kept for its clones of format 2; nil for all others.
  public let removedName: String?
}

/// A clone of an image or snapshot.
public struct ImageChild: Sendable, Hashable {
  /// Its pool's name.
  public let pool: String
  /// Its name; in the trash the one that it had.
  public let image: String
  /// Its id.
  public let imageID: String
  /// Whether it lies in the trash.
  public let isTrashed: Bool
}

extension Image {
  /// How many snapshots an image may have before Slipway takes no more of it: each is looked at whenever the image is opened, and the kernel's client
  /// opens none with more than 510.
  public static let snapshotLimit = 400

  /// Takes a snapshot (Implements `rbd_snap_create`). Throws `name_conflict`; `in_use` for an image with `limit` snapshots, those counted that Ceph keeps
  /// for clones.
  public func createSnapshot(_ snapshot: String, limit: Int = snapshotLimit) async throws {
    let label = self.label
    let count = try await snapshotCount()
    guard count < limit else {
      throw SlipwayError(
        .inUse, "\(label) has \(count) snapshots, and \(limit) is the most at which another is taken", object: label,
        hint: "flatten its clones and remove snapshots of it; see: rbd snap ls --all \(label)")
    }
    try await blocking { image in
      try CephCheck.check(
        rbd_snap_create(image, snapshot), "rbd_snap_create", object: label, doing: "take snapshot '\(snapshot)' of \(label)")
    }
  }

  /// Protects a snapshot from removal (Implements `rbd_snap_protect`). One that is protected is no error.
  public func protect(snapshot: String) async throws {
    let label = self.label
    try await blocking { image in
      let code = rbd_snap_protect(image, snapshot)
      if code == -16 { return }
      try CephCheck.check(code, "rbd_snap_protect", object: label, doing: "protect snapshot '\(snapshot)' of \(label)")
    }
  }

  /// Takes the protection away (Implements `rbd_snap_unprotect`). One that has none is no error (Rule: Cinder `delete_snapshot`). Throws `in_use`
  /// while it has clones of format 1.
  public func unprotect(snapshot: String) async throws {
    let label = self.label
    try await blocking { image in
      let code = rbd_snap_unprotect(image, snapshot)
      if code == -22 { return }
      try CephCheck.check(code, "rbd_snap_unprotect", object: label, doing: "unprotect snapshot '\(snapshot)' of \(label)")
    }
  }

  /// Removes a snapshot (Implements `rbd_snap_remove`); one that is gone is no error. With clones of format 2 it moves out of sight and goes
  /// with the last of them.
  public func removeSnapshot(_ snapshot: String) async throws {
    let label = self.label
    try await blocking { image in
      let code = rbd_snap_remove(image, snapshot)
      if code == -2 { return }
      try CephCheck.check(code, "rbd_snap_remove", object: label, doing: "remove snapshot '\(snapshot)' of \(label)")
    }
  }

  /// Removes a snapshot by its id, also one that was removed before and was kept for clones that are gone by now (Implements `rbd_snap_remove_by_id`).
  /// One that is gone is no error. Throws `in_use` while it has clones.
  public func removeSnapshot(id: UInt64) async throws {
    let label = self.label
    try await blocking { image in
      let code = rbd_snap_remove_by_id(image, id)
      if code == -2 { return }
      try CephCheck.check(code, "rbd_snap_remove_by_id", object: label, doing: "remove snapshot \(id) of \(label)")
    }
  }

  /// All snapshots, in the order in which they were taken (Implements `rbd_snap_list`, `rbd_snap_get_namespace_type`).
  public func snapshots() async throws -> [ImageSnapshot] {
    let label = self.label
    return try await blocking { image in
      var room: Int32 = 64
      while true {
        var list = [rbd_snap_info_t](repeating: rbd_snap_info_t(), count: Int(room))
        let count = rbd_snap_list(image, &list, &room)
        if count == -34 { continue }
        try CephCheck.check(count, "rbd_snap_list", object: label, doing: "list the snapshots of \(label)")
        guard count > 0 else { return [] }
        defer { rbd_snap_list_end(&list) }
        return list[..<Int(count)].map { info in
          var kind = RBD_SNAP_NAMESPACE_TYPE_USER
          let known = rbd_snap_get_namespace_type(image, info.id, &kind) == 0
          return ImageSnapshot(
            id: info.id, name: String(cString: info.name), size: Int64(clamping: info.size),
            isUsers: !known || kind == RBD_SNAP_NAMESPACE_TYPE_USER,
            removedName: known && kind == RBD_SNAP_NAMESPACE_TYPE_TRASH ? removedName(image, info.id) : nil)
        }
      }
    }
  }

  /// The clones of the snapshot that is open, or of all snapshots at the head, in all pools (Implements `rbd_list_children3`).
  public func children() async throws -> [ImageChild] {
    let label = self.label
    return try await blocking { image in
      var room = 64
      while true {
        var list = [rbd_linked_image_spec_t](repeating: rbd_linked_image_spec_t(), count: room)
        let code = rbd_list_children3(image, &list, &room)
        if code == -34 { continue }
        try CephCheck.check(code, "rbd_list_children3", object: label, doing: "list the clones of \(label)")
        defer { rbd_linked_image_spec_list_cleanup(&list, room) }
        return list[..<room].map { child in
          ImageChild(
            pool: String(cString: child.pool_name), image: String(cString: child.image_name), imageID: String(cString: child.image_id),
            isTrashed: child.trash)
        }
      }
    }
  }
}

/// What a snapshot was called before it was removed (Implements `rbd_snap_get_trash_namespace`); nil where that is not told.
private func removedName(_ image: UnsafeMutableRawPointer, _ id: UInt64) -> String? {
  var name = [CChar](repeating: 0, count: 4096)
  return rbd_snap_get_trash_namespace(image, id, &name, name.count) == 0 ? string(name) : nil
}
