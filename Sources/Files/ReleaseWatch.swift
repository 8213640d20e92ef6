internal import Glibc
internal import Model
internal import Runtime

/// Wakes who waits for a lock when its lock file is closed, which is what releasing it ends with, also by a process that is killed. Without it a
/// waiter would have to look again and again.
///
/// The kernel tells (inotify(7): `IN_CLOSE_WRITE`) of this host's processes alone, so a look now and then is still due. One thread for all waits of the process, from the
/// first one on.
final class ReleaseWatch: Sendable {
  /// One wait on one file.
  final class Watch: Sendable {
    private struct State: Sendable {
      var count = 0
      var waiter: Handoff<Void>?
    }
    fileprivate let number: Int32
    private let state = Locked(State())
    private let home: ReleaseWatch

    fileprivate init(_ number: Int32, _ home: ReleaseWatch) {
      self.number = number
      self.home = home
    }

    /// How often the file was closed so far; to be asked before the look that `wait` follows.
    var count: Int { state.with { $0.count } }

    /// Waits until the file has been closed more often than `count` times, true then, or for so long. Throws `CancellationError`.
    func wait(since count: Int, atMost time: Duration) async throws -> Bool {
      let handoff = Handoff<Void>()
      let isDue = state.with { state -> Bool in
        guard state.count == count else { return true }
        state.waiter = handoff
        return false
      }
      if isDue { return true }
      let alarm = Task {
        try await Task.sleep(for: time)
        handoff.fulfill(.success(()))
      }
      defer { alarm.cancel() }
      try await handoff.value(cancellable: true)
      return self.count != count
    }

    /// Nothing is told any more.
    func end() { home.remove(self) }

    fileprivate func closed() {
      let waiter = state.with { state -> Handoff<Void>? in
        state.count += 1
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.fulfill(.success(()))
    }
  }

  /// The process's own; nil where the kernel has none to give.
  static let shared = ReleaseWatch()

  private let descriptor: Int32
  private let watches = Locked<[Int32: [ObjectIdentifier: Watch]]>([:])

  private init?() {
    descriptor = inotify_init1(Int32(IN_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    guard Thread.detach(name: "locks", { [self] in listen() }) else {
      close(descriptor)
      return nil
    }
  }

  /// Watches an open file; nil when the kernel has no watch left.
  func add(_ file: File) -> Watch? {
    let path = try? file.descriptor.with { "/proc/self/fd/\($0)" }
    guard let path else { return nil }
    // Under the lock: removing the last watch of the same file must not come between.
    return watches.with { watches in
      let number = inotify_add_watch(descriptor, path, UInt32(IN_CLOSE_WRITE))
      guard number >= 0 else { return nil }
      let watch = Watch(number, self)
      watches[number, default: [:]][ObjectIdentifier(watch)] = watch
      return watch
    }
  }

  private func remove(_ watch: Watch) {
    watches.with { watches in
      guard watches[watch.number]?.removeValue(forKey: ObjectIdentifier(watch)) != nil, watches[watch.number]?.isEmpty == true else {
        return
      }
      watches[watch.number] = nil
      _ = inotify_rm_watch(descriptor, watch.number)
    }
  }

  private func listen() {
    let size = MemoryLayout<inotify_event>.size
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      var offset = 0
      while offset + size <= count {
        let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
        offset += size + Int(event.len)
        // -1 says that events were lost: whoever waits looks.
        let told = watches.with { watches in event.wd < 0 ? watches.values.flatMap(\.values) : Array((watches[event.wd] ?? [:]).values) }
        for watch in told { watch.closed() }
      }
    }
  }
}
