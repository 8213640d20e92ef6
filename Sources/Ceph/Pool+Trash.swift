internal import CCeph
internal import Model
internal import Runtime

/// An image in a pool's trash.
public struct TrashEntry: Sendable, Hashable {
  /// Its id, by which alone it is spoken of there.
  public let id: String
  /// The name that it had.
  public let name: String
}

extension Pool {
  /// Moves an image to the pool's trash, whoever has it open: its name is free, its clones and those who have it open go on (Implements
  /// `rbd_trash_move` without a delay). Throws `source_not_found`.
  public func moveToTrash(_ image: String) async throws {
    let label = "\(name)/\(image)"
    try await blocking { io in
      try CephCheck.check(rbd_trash_move(io, image, 0), "rbd_trash_move", object: label, doing: "move \(label) to the trash")
    }
  }

  /// Gives an image in the trash a name again (Implements `rbd_trash_restore`).
  public func restoreFromTrash(id: String, as image: String) async throws {
    let label = "\(name)/\(image)"
    try await blocking { io in
      try CephCheck.check(rbd_trash_restore(io, id, image), "rbd_trash_restore", object: label, doing: "bring \(label) back from the trash")
    }
  }

  /// Removes an image that lies in the trash, with its data (Implements `rbd_trash_remove`). Throws `source_not_found`; `in_use` while it has
  /// snapshots, clones or watchers.
  public func removeFromTrash(id: String) async throws {
    let label = "\(name)/\(id)"
    try await blocking { io in
      try CephCheck.check(
        rbd_trash_remove(io, id, false), "rbd_trash_remove", object: label, doing: "remove image id \(id) from the trash of '\(self.name)'")
    }
  }

  /// What lies in the trash under that id, nil for nothing (Implements `rbd_trash_get`).
  public func trashEntry(id: String) async throws -> TrashEntry? {
    let label = "\(name)/\(id)"
    return try await blocking { io in
      var info = rbd_trash_image_info_t()
      let code = rbd_trash_get(io, id, &info)
      if code == -2 { return nil }
      try CephCheck.check(code, "rbd_trash_get", object: label, doing: "look for image id \(id) in the trash of '\(self.name)'")
      defer { rbd_trash_get_cleanup(&info) }
      return TrashEntry(id: id, name: String(cString: info.name))
    }
  }
}
