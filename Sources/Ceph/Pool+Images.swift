internal import CCeph
public import Model
internal import Runtime

/// How an image or a clone is made.
public struct CloneOptions: Sendable, Hashable {
  /// Bit mask of `RBD_FEATURE_…`.
  public var features: UInt64
  /// log2 of the object size.
  public var order: Int32
  /// Pool for the data, where it differs from the image's.
  public var dataPool: String?
  /// The format of a clone, 1 or 2; nil for what the cluster's configuration says. One of format 2 needs no protected snapshot, and lets it be removed.
  public var cloneFormat: UInt64?

  /// Options of a clone.
  public init(features: UInt64, order: Int32, dataPool: String? = nil, cloneFormat: UInt64? = nil) {
    self.features = features
    self.order = order
    self.dataPool = dataPool
    self.cloneFormat = cloneFormat
  }
}

extension Pool {
  /// Clones `parent/image@snapshot` to `name` in this pool (Implements `rbd_clone3`). Throws `name_conflict` (EEXIST) when the name is
  /// taken, `source_not_found`, `permission_denied`; EINVAL means that the snapshot is not protected and clone v1 rules.
  public func clone(from parent: Pool, image: String, snapshot: String, to name: String, options: CloneOptions) async throws {
    let parentHandle = parent.handle
    let label = "\(parent.name)/\(image)@\(snapshot)"
    let target = "\(self.name)/\(name)"
    try await blocking { child in
      try parentHandle.use { source in
        var made: rbd_image_options_t?
        rbd_image_options_create(&made)
        defer { rbd_image_options_destroy(made) }
        rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_FEATURES), options.features)
        rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_ORDER), UInt64(options.order))
        if let dataPool = options.dataPool {
          rbd_image_options_set_string(made, Int32(RBD_IMAGE_OPTION_DATA_POOL), dataPool)
        }
        if let format = options.cloneFormat {
          rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_CLONE_FORMAT), format)
        }
        try CephCheck.check(
          rbd_clone3(source, image, snapshot, child, name, made), "rbd_clone3", object: target, doing: "clone \(label) to \(target)")
      }
    }
  }

  /// Makes an empty image of `size` bytes (Implements `rbd_create4`). Throws `name_conflict` (EEXIST) when the name is taken, `no_space`.
  public func create(_ name: String, size: ByteCount, options: CloneOptions) async throws {
    let label = "\(self.name)/\(name)"
    try await blocking { io in
      var made: rbd_image_options_t?
      rbd_image_options_create(&made)
      defer { rbd_image_options_destroy(made) }
      rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_FORMAT), 2)
      rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_FEATURES), options.features)
      rbd_image_options_set_uint64(made, Int32(RBD_IMAGE_OPTION_ORDER), UInt64(options.order))
      if let dataPool = options.dataPool {
        rbd_image_options_set_string(made, Int32(RBD_IMAGE_OPTION_DATA_POOL), dataPool)
      }
      try CephCheck.check(rbd_create4(io, name, UInt64(size.bytes), made), "rbd_create4", object: label, doing: "make \(label)")
    }
  }

  /// Removes an image and its data (Implements `rbd_remove`). Throws `source_not_found`, `in_use` (EBUSY: watchers; ENOTEMPTY: snapshots).
  public func remove(_ name: String) async throws {
    let label = "\(self.name)/\(name)"
    try await blocking { io in
      try CephCheck.check(rbd_remove(io, name), "rbd_remove", object: label, doing: "remove \(label)")
    }
  }

  /// The id of the image of that name, read where librbd keeps it: the object `rbd_id.NAME` holds it behind its length in four bytes. Throws
  /// `source_not_found`.
  public func imageID(named image: String) async throws -> String {
    let label = "\(name)/\(image)"
    guard let bytes = try await readObject("rbd_id." + image, limit: 256), bytes.count > 4 else {
      throw SlipwayError(
        .sourceNotFound, "cannot look for \(label): it does not exist", object: label, cause: CephFailure(errno: 2, call: "rados_read"))
    }
    let length = bytes[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    return String(decoding: bytes.dropFirst(4).prefix(length), as: UTF8.self)
  }

  /// The names of all images (Implements `rbd_list2`).
  public func images() async throws -> [String] {
    let label = name
    return try await blocking { io in
      var room = 1024
      while true {
        var list = [rbd_image_spec_t](repeating: rbd_image_spec_t(), count: room)
        let code = rbd_list2(io, &list, &room)
        if code == -34 { continue }
        try CephCheck.check(code, "rbd_list2", object: label, doing: "list pool '\(label)'")
        defer { rbd_image_spec_list_cleanup(&list, room) }
        return list[..<room].map { String(cString: $0.name) }
      }
    }
  }
}
