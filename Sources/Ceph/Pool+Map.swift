internal import CCeph
internal import Model
internal import Runtime

extension Pool {
  /// Sets entries of an object's map; the object is made if missing (Implements `rados_write_op_omap_set2`).
  public func setEntry(_ object: String, _ key: String, _ value: String) async throws {
    let label = "\(name)/\(object)"
    let lengths = (key.utf8.count, value.utf8.count)
    try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      let code = key.withCString { key in
        value.withCString { value in
          var (keys, values): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (key, value)
          var (keyLength, valueLength) = (lengths.0, lengths.1)
          rados_write_op_omap_set2(operation, &keys, &values, &keyLength, &valueLength, 1)
          return rados_write_op_operate2(operation, io, object, nil, 0)
        }
      }
      try CephCheck.check(code, "rados_write_op_operate2", object: label, doing: "note something in object \(label)")
    }
  }

  /// Removes an entry of an object's map; one that is gone is no error (Implements `rados_write_op_omap_rm_keys2`).
  public func removeEntry(_ object: String, _ key: String) async throws {
    let label = "\(name)/\(object)"
    let count = key.utf8.count
    try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      let code = key.withCString { key in
        var keys: UnsafePointer<CChar>? = key
        var length = count
        rados_write_op_assert_exists(operation)
        rados_write_op_omap_rm_keys2(operation, &keys, &length, 1)
        return rados_write_op_operate2(operation, io, object, nil, 0)
      }
      if code == -2 { return }
      try CephCheck.check(code, "rados_write_op_operate2", object: label, doing: "remove a note in object \(label)")
    }
  }

  /// The entries of an object's map whose keys come after `key`, by key, at most `limit`; none when there is no such object (Implements
  /// `rados_read_op_omap_get_vals2`).
  public func entries(_ object: String, after key: String = "", limit: Int = 512) async throws -> [(key: String, value: String)] {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      let operation = rados_create_read_op()
      defer { rados_release_read_op(operation) }
      var iterator: rados_omap_iter_t?
      var more: UInt8 = 0
      var result: Int32 = 0
      rados_read_op_omap_get_vals2(operation, key, "", UInt64(limit), &iterator, &more, &result)
      let code = rados_read_op_operate(operation, io, object, 0)
      defer { if let iterator { rados_omap_get_end(iterator) } }
      if code == -2 { return [] }
      try CephCheck.check(code < 0 ? code : result, "rados_read_op_operate", object: label, doing: "read the notes in object \(label)")
      var found: [(key: String, value: String)] = []
      while true {
        var (key, value): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?) = (nil, nil)
        var (keyLength, valueLength) = (0, 0)
        try CephCheck.check(
          rados_omap_get_next2(iterator, &key, &value, &keyLength, &valueLength), "rados_omap_get_next2", object: label,
          doing: "read the notes in object \(label)")
        guard let key else { return found }
        found.append((text(key, keyLength), value.map { text($0, valueLength) } ?? ""))
      }
    }
  }

  /// All extended attributes of an object, nil when there is no such object (Implements `rados_getxattrs`).
  public func attributes(_ object: String) async throws -> [String: String]? {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      var iterator: rados_xattrs_iter_t?
      let code = rados_getxattrs(io, object, &iterator)
      if code == -2 { return nil }
      try CephCheck.check(code, "rados_getxattrs", object: label, doing: "read the marks of object \(label)")
      defer { if let iterator { rados_getxattrs_end(iterator) } }
      var found: [String: String] = [:]
      while true {
        var (name, value): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (nil, nil)
        var length = 0
        try CephCheck.check(
          rados_getxattrs_next(iterator, &name, &value, &length), "rados_getxattrs_next", object: label,
          doing: "read the marks of object \(label)")
        guard let name else { return found }
        found[String(cString: name)] = value.map { text($0, length) } ?? ""
      }
    }
  }

  /// Sets extended attributes of an object that exists, in one step, if another one has a value; false when it has not, or there is no object.
  public func setAttributes(_ object: String, _ values: [String: String], ifAttribute key: String, equals value: String) async throws
    -> Bool
  {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      rados_write_op_assert_exists(operation)
      rados_write_op_cmpxattr(operation, key, UInt8(LIBRADOS_CMPXATTR_OP_EQ), value, value.utf8.count)
      for (key, value) in values { rados_write_op_setxattr(operation, key, value, value.utf8.count) }
      let code = rados_write_op_operate2(operation, io, object, nil, 0)
      if code == -2 || code == -125 || code == -61 { return false }
      try CephCheck.check(code, "rados_write_op_operate2", object: label, doing: "mark object \(label)")
      return true
    }
  }

  /// Removes an extended attribute; one that is gone is no error (Implements `rados_rmxattr`).
  public func removeAttribute(_ object: String, _ key: String) async throws {
    let label = "\(name)/\(object)"
    try await blocking { io in
      let code = rados_rmxattr(io, object, key)
      if code == -2 || code == -61 { return }
      try CephCheck.check(code, "rados_rmxattr", object: label, doing: "take a mark from object \(label)")
    }
  }
}

private func text(_ bytes: UnsafePointer<CChar>, _ count: Int) -> String {
  String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
}
