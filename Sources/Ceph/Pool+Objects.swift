internal import CCeph
internal import Model
internal import Runtime

extension Pool {
  /// Replaces the bytes of an object that exists, sets one extended attribute and removes another, in one step (Implements
  /// `rados_write_op_operate2`). Throws `source_not_found` when it does not exist.
  public func writeObject(_ object: String, _ bytes: [UInt8], attribute: (key: String, value: String), removing removed: String)
    async throws
  {
    let label = "\(name)/\(object)"
    try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      rados_write_op_assert_exists(operation)
      bytes.withUnsafeBytes { memory in
        rados_write_op_write_full(operation, memory.baseAddress?.assumingMemoryBound(to: CChar.self), memory.count)
      }
      rados_write_op_setxattr(operation, attribute.key, attribute.value, attribute.value.utf8.count)
      rados_write_op_rmxattr(operation, removed)
      try CephCheck.check(
        rados_write_op_operate2(operation, io, object, nil, 0), "rados_write_op_operate2", object: label, doing: "write object \(label)")
    }
  }

  /// An object's first bytes, at most `limit`; nil when there is no such object (Implements `rados_read`).
  public func readObject(_ object: String, limit: Int = 65536) async throws -> [UInt8]? {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      var bytes = [UInt8](repeating: 0, count: limit)
      let got = bytes.withUnsafeMutableBytes { memory in
        rados_read(io, object, memory.baseAddress?.assumingMemoryBound(to: CChar.self), memory.count, 0)
      }
      if got == -2 { return nil }
      try CephCheck.check(got, "rados_read", object: label, doing: "read object \(label)")
      return Array(bytes[..<Int(got)])
    }
  }

  /// Removes an object; one that is gone already is no error (Implements `rados_remove`).
  public func removeObject(_ object: String) async throws {
    let label = "\(name)/\(object)"
    try await blocking { io in
      let code = rados_remove(io, object)
      if code == -2 { return }
      try CephCheck.check(code, "rados_remove", object: label, doing: "remove object \(label)")
    }
  }

  /// Removes an object if its extended attribute has that value, in one step; false when it is gone or has another.
  @discardableResult
  public func removeObject(_ object: String, ifAttribute key: String, equals value: String) async throws -> Bool {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      rados_write_op_cmpxattr(operation, key, UInt8(LIBRADOS_CMPXATTR_OP_EQ), value, value.utf8.count)
      rados_write_op_remove(operation)
      let code = rados_write_op_operate2(operation, io, object, nil, 0)
      if code == -2 || code == -125 || code == -61 { return false }  // ENOENT; ECANCELED: another value
      try CephCheck.check(code, "rados_write_op_operate2", object: label, doing: "remove object \(label)")
      return true
    }
  }

  /// Sets an extended attribute of an object that exists (Implements `rados_setxattr` behind an assertion that it does).
  public func setAttribute(_ object: String, _ key: String, _ value: String) async throws {
    let label = "\(name)/\(object)"
    try await blocking { io in
      let operation = rados_create_write_op()
      defer { rados_release_write_op(operation) }
      rados_write_op_assert_exists(operation)
      rados_write_op_setxattr(operation, key, value, value.utf8.count)
      try CephCheck.check(
        rados_write_op_operate2(operation, io, object, nil, 0), "rados_write_op_operate2", object: label, doing: "mark object \(label)")
    }
  }

  /// An extended attribute of an object; nil when it or the object is missing (Implements `rados_getxattr`).
  public func attribute(_ object: String, _ key: String) async throws -> String? {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      var bytes = [UInt8](repeating: 0, count: 4096)
      let got = bytes.withUnsafeMutableBytes { memory in
        rados_getxattr(io, object, key, memory.baseAddress?.assumingMemoryBound(to: CChar.self), memory.count)
      }
      if got == -2 || got == -61 { return nil }
      try CephCheck.check(got, "rados_getxattr", object: label, doing: "read a mark of object \(label)")
      return String(decoding: bytes[..<Int(got)], as: UTF8.self)
    }
  }

  /// Takes or renews an exclusive lock on an object, which is made if missing, for `lease` (Implements `rados_lock_exclusive`). False when another
  /// holds it. The OSD forgets a lock when its lease is over.
  public func lockObject(_ object: String, lock: String, cookie: String, description: String, lease: Duration) async throws -> Bool {
    let label = "\(name)/\(object)"
    return try await blocking { io in
      var duration = timeval(tv_sec: Int(max(1, lease.components.seconds)), tv_usec: 0)
      let code = rados_lock_exclusive(io, object, lock, cookie, description, &duration, UInt8(LIBRADOS_LOCK_FLAG_MAY_RENEW))
      if code == -16 || code == -17 { return false }
      try CephCheck.check(code, "rados_lock_exclusive", object: label, doing: "lock object \(label)")
      return true
    }
  }

  /// Gives a lock back; one that is gone already is no error (Implements `rados_unlock`).
  public func unlockObject(_ object: String, lock: String, cookie: String) async throws {
    let label = "\(name)/\(object)"
    try await blocking { io in
      let code = rados_unlock(io, object, lock, cookie)
      if code == -2 { return }
      try CephCheck.check(code, "rados_unlock", object: label, doing: "unlock object \(label)")
    }
  }

  /// The cookie with which an object's exclusive lock is held now; nil when it is free.
  public func lockCookie(_ object: String, lock: String) async throws -> String? {
    let label = "\(name)/\(object)"
    return try await blocking { io in try locker(of: object, lock, label, io).map { string($0.cookie) } }
  }

  /// Breaks the lock of the holder that used `cookie`, and nobody else's (Implements `rados_break_lock`); none is no error.
  public func breakLock(_ object: String, lock: String, cookie: String) async throws {
    let label = "\(name)/\(object)"
    try await blocking { io in
      // It may be another by now than the one that was judged.
      guard let holder = try locker(of: object, lock, label, io), string(holder.cookie) == cookie else { return }
      let code = rados_break_lock(io, object, lock, holder.client, holder.cookie)
      if code == -2 { return }
      try CephCheck.check(code, "rados_break_lock", object: label, doing: "break the lock on object \(label)")
    }
  }
}

/// Who holds an exclusive lock: one at most, the first of each list (Implements `rados_list_lockers`).
private func locker(
  of object: String, _ lock: String, _ label: String, _ io: rados_ioctx_t
) throws -> (client: [CChar], cookie: [CChar])? {
  var exclusive: Int32 = 0
  var tag = [CChar](repeating: 0, count: 1024)
  var clients = [CChar](repeating: 0, count: 4096)
  var cookies = [CChar](repeating: 0, count: 4096)
  var addresses = [CChar](repeating: 0, count: 4096)
  var (tagLength, clientsLength, cookiesLength, addressesLength) = (tag.count, clients.count, cookies.count, addresses.count)
  let count = rados_list_lockers(
    io, object, lock, &exclusive, &tag, &tagLength, &clients, &clientsLength, &cookies, &cookiesLength, &addresses, &addressesLength)
  if count == -2 || count == 0 { return nil }
  try CephCheck.check(count, "rados_list_lockers", object: label, doing: "ask who locks object \(label)")
  return (clients, cookies)
}
