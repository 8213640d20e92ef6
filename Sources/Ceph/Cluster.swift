internal import CCeph
public import Model
public import Runtime

/// One connection to a Ceph cluster as one cephx user. Every call has the options' timeout; `close` waits for what hangs on it.
public final class Cluster: Sendable {
  /// How it was reached.
  public let options: ClusterOptions
  /// The cluster's id, asked when connecting.
  public let fsid: FSID
  /// This client's id in the cluster (Implements `rados_get_instance_id`), unique among all clients at all times.
  public let instance: UInt64
  let handle: HandleGuard
  let workers: WorkerPool

  private init(options: ClusterOptions, fsid: FSID, instance: UInt64, handle: HandleGuard, workers: WorkerPool) {
    self.options = options
    self.fsid = fsid
    self.instance = instance
    self.handle = handle
    self.workers = workers
  }

  /// Connects (Implements `rados_create2`, `rados_conf_read_file`, `rados_connect`, `rados_cluster_fsid`).
  ///
  /// Throws `cluster_unreachable` when no monitor answers within the timeout, `permission_denied` when the key or the user is wrong,
  /// `configuration` when the file or the keyring cannot be read, `timeout` when the deadline passes first, `CancellationError`.
  public static func connect(_ options: ClusterOptions, deadline: Deadline = .never) async throws -> Cluster {
    let workers = WorkerPool(name: "ceph-\(options.name)", threads: 12)
    let late = SlipwayError(
      .clusterUnreachable, "Ceph cluster '\(options.name)' did not answer in time", object: options.name,
      hint: "check that its monitors can be reached: ceph -s")
    // A connect that hangs beyond librados' own timeout is left to its thread; nobody takes what it gets, and `deinit` closes that.
    return try await workers.run(until: deadline.capped(options.timeout + .seconds(5)), orThrow: late) {
      try open(options, workers: workers)
    }
  }

  deinit { handle.close() }

  private static func open(_ options: ClusterOptions, workers: WorkerPool) throws -> Cluster {
    try LoadedLibrary.ceph.require()
    var made: rados_t?
    let name = "client.\(options.user)"
    let object = options.name
    let title = "reach Ceph cluster '\(options.name)' as \(name)"
    try CephCheck.check(rados_create2(&made, "ceph", name, 0), "rados_create2", object: object, doing: title)
    guard let rados = made else { throw SlipwayError(.internalError, "rados_create2 made no handle for '\(object)'", object: object) }
    let handle = HandleGuard(rados, what: "Ceph cluster '\(options.name)'") { rados_shutdown($0) }
    do {
      let read = rados_conf_read_file(rados, options.conf)
      if read < 0 {
        throw SlipwayError(
          .configuration, "cannot read \(options.conf ?? "ceph.conf in the usual places") for Ceph cluster '\(options.name)'",
          object: options.conf ?? options.name, hint: "check the path 'conf' of the cluster and its permissions",
          cause: CephFailure(errno: -read, call: "rados_conf_read_file"))
      }
      let seconds = String(options.seconds)
      var settings = [
        ("client_mount_timeout", seconds), ("rados_mon_op_timeout", seconds), ("rados_osd_op_timeout", seconds),
        // The agent's output is its own: Ceph neither writes to it nor opens sockets and files beside it.
        ("log_to_stderr", "false"), ("err_to_stderr", "false"), ("log_file", ""), ("admin_socket", ""),
      ]
      settings += options.settings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
      for (key, value) in settings {
        try CephCheck.check(rados_conf_set(rados, key, value), "rados_conf_set", object: object, doing: "set \(key) for \(title)")
      }
      try connect(rados, options, title)
      var text = [CChar](repeating: 0, count: 64)
      try CephCheck.check(rados_cluster_fsid(rados, &text, text.count), "rados_cluster_fsid", object: object, doing: title)
      guard let fsid = FSID(string(text)) else {
        throw SlipwayError(.internalError, "Ceph cluster '\(options.name)' tells no fsid", object: object)
      }
      return Cluster(options: options, fsid: fsid, instance: rados_get_instance_id(rados), handle: handle, workers: workers)
    } catch {
      handle.close()
      throw error
    }
  }

  private static func connect(_ rados: rados_t, _ options: ClusterOptions, _ title: String) throws {
    let code = rados_connect(rados)
    guard code < 0 else { return }
    let failure = CephFailure(errno: -code, call: "rados_connect")
    switch failure.errno {
    case 2:
      throw SlipwayError(
        .configuration, "cannot \(title): no keyring holds that user, or no monitor is named", object: options.name,
        hint: "check 'mon host' and 'keyring' in \(options.conf ?? "ceph.conf") and that the keyring can be read", cause: failure)
    case 1, 13, 95:
      throw SlipwayError(
        .permissionDenied, "cannot \(title): the cluster does not accept its key", object: options.name,
        hint: "compare the keyring with 'ceph auth get client.\(options.user)'", cause: failure)
    default:
      throw SlipwayError(
        .clusterUnreachable, "cannot \(title): no monitor answered (\(failure))", object: options.name,
        hint: "check that its monitors can be reached: ceph -s", cause: failure)
    }
  }

  /// Runs a blocking call on the cluster's own threads.
  @discardableResult
  func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value { try await workers.run(body) }

  /// A setting as librados holds it (Implements `rados_conf_get`); nil when it has none of that name.
  public func setting(_ key: String) -> String? {
    try? handle.use { rados in
      var size = 256
      while size <= 1 << 16 {
        var text = [CChar](repeating: 0, count: size)
        let code = rados_conf_get(rados, key, &text, text.count)
        if code == 0 { return string(text) }
        guard code == -36 else { return nil }  // ENAMETOOLONG: once more with a larger buffer
        size *= 4
      }
      return nil
    }
  }

  /// Whether a clone made now needs a protected snapshot: librbd's rule for `rbd_default_clone_format` (1, 2 or auto; auto is v2 only
  /// once every client that may connect is Mimic, release 13, or newer).
  public func clonesNeedProtection() async throws -> Bool {
    switch setting("rbd_default_clone_format") {
    case "1": return true
    case "2": return false
    default: break
    }
    let handle = self.handle
    let name = options.name
    return try await blocking {
      try handle.use { rados in
        var least: Int8 = 0
        var required: Int8 = 0
        try CephCheck.check(
          rados_get_min_compatible_client(rados, &least, &required), "rados_get_min_compatible_client", object: name,
          doing: "ask Ceph cluster '\(name)' which clients it serves")
        return max(least, required) < 13
      }
    }
  }

  /// Opens a pool (Implements `rados_ioctx_create`). Throws `source_not_found` when there is none of that name, `permission_denied`.
  public func pool(_ name: String) async throws -> Pool {
    let cluster = self
    return try await blocking {
      let rados = try cluster.handle.enter()
      var made: rados_ioctx_t?
      let code = rados_ioctx_create(rados, name, &made)
      do {
        try CephCheck.check(
          code, "rados_ioctx_create", object: name, doing: "open pool '\(name)' of Ceph cluster '\(cluster.options.name)'")
        guard let io = made else {
          throw SlipwayError(.internalError, "rados_ioctx_create made no handle for pool '\(name)'", object: name)
        }
        return Pool(name: name, id: rados_ioctx_get_id(io), cluster: cluster, pointer: io)
      } catch {
        cluster.handle.leave()
        throw error
      }
    }
  }

  /// Closes the connection as soon as its pools and images are closed, and waits for that, 10 seconds beyond the timeout at most.
  public func close() async {
    let handle = self.handle
    let limit = Deadline.after(options.timeout + .seconds(10))
    _ = try? await workers.runAlways { handle.close() }
    let alarm = Task { try? await limit.sleep() }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await handle.waitUntilClosed() }
      group.addTask { await alarm.value }
      await group.next()
      alarm.cancel()
      group.cancelAll()
    }
    workers.close()
  }
}
