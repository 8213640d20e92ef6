internal import Model
public import Runtime

/// The way to one libvirt: connects when first needed, again after it was lost, with a backoff between failures. Calls run on owned threads with a timeout; one
/// that hangs is given up on together with its connection (the other side serves few calls of one connection at a time), and the next call opens another.
public final class LibvirtClient: Sendable {
  struct State {
    var link: Link?
    var opening: Task<Link, any Error>?
    var failures = 0
    var notBefore: ContinuousClock.Instant?
    var lastError: SlipwayError?
    var isClosed = false
    var listeners: [Int: @Sendable (LibvirtEvent) -> Void] = [:]
    var nextListener = 0
    var isConnected = false
    var keeper: Task<Void, Never>?
  }

  /// How it is reached.
  public let options: LibvirtOptions
  let threads: CallThreads
  let state = Locked(State())

  /// A way to libvirt; nothing is connected yet.
  public convenience init(_ options: LibvirtOptions) { self.init(options, threads: CallThreads()) }

  init(_ options: LibvirtOptions, threads: CallThreads) {
    self.options = options
    self.threads = threads
  }

  deinit { threads.close() }

  /// Runs `body` on an owned thread with the connection, for `timeout` (default: the options') and until `deadline` at most. `body` may make several calls; it owns
  /// all that it touches, since it goes on when the caller has given up. `doing` completes "cannot … : reason".
  ///
  /// Throws what `body` throws, `libvirt_unavailable` when libvirt cannot be reached or the connection breaks, `timeout`, `CancellationError`.
  public func call<Value: Sendable>(
    _ doing: String, timeout: Duration? = nil, deadline: Deadline = .never, _ body: @escaping @Sendable (LibvirtConnection) throws -> Value
  ) async throws -> Value {
    let uri = options.uri
    let link = try await link(doing, deadline)
    let late = SlipwayError(
      .libvirtUnavailable, "cannot \(doing): libvirt at \(uri) did not answer in time", object: uri,
      hint: "check libvirt and its storage pools (virsh pool-list --all)")
    do {
      return try await threads.run(until: deadline.capped(timeout ?? options.timeout), orThrow: late) { [self] in
        lose(link, "a call to libvirt did not come back")
      } _: {
        try link.use { try body(LibvirtConnection($0)) }
      }
    } catch let error as SlipwayError where error.libvirt?.isConnectionLost == true {
      lose(link, error.message)
      throw error
    }
  }

  /// How many calls were given up on and have not come back.
  public var abandonedCalls: Int { threads.abandoned }

  /// Closes the connection and waits for that, 2 seconds at most: one that hangs is left to its thread.
  public func close() async {
    let (link, opening, keeper) = state.with { state in
      state.isClosed = true
      state.listeners = [:]
      defer {
        state.link = nil
        state.keeper = nil
      }
      return (state.link, state.opening, state.keeper)
    }
    keeper?.cancel()
    opening?.cancel()
    guard let link else { return }
    let done = Handoff<Void>()
    threads.submit {
      link.retire("closed")
      done.fulfill(.success(()))
    }
    try? await Deadline.after(.seconds(2)).race(orThrow: CancellationError()) { try await done.value(cancellable: true) }
  }

  /// The connection that is there, or a new one.
  func link(_ doing: String, _ deadline: Deadline) async throws -> Link {
    try Task.checkCancellation()
    if let link = state.with({ $0.link }) {
      if link.isAlive { return link }
      lose(link, "libvirt closed the connection")
    }
    let task: Task<Link, any Error> = try state.with { state throws(SlipwayError) in
      if state.isClosed { throw SlipwayError(.internalError, "the way to libvirt is closed already", object: options.uri) }
      if let opening = state.opening { return opening }
      if let notBefore = state.notBefore, notBefore > ContinuousClock.now, let error = state.lastError { throw error }
      let opening = Task { try await self.open() }
      state.opening = opening
      return opening
    }
    let late = SlipwayError(.timeout, "the deadline passed while libvirt at \(options.uri) was connected to", object: options.uri)
    return try await deadline.race(orThrow: late) { try await task.value }
  }

  private func open() async throws -> Link {
    let options = options
    let late = SlipwayError(
      .libvirtUnavailable, "cannot reach libvirt at \(options.uri): it did not answer in time", object: options.uri,
      hint: "check that libvirt runs (systemctl status libvirtd)")
    do {
      // What is opened after we have given up is closed by whoever opened it.
      let isWanted = Locked(true)
      let link = try await threads.run(until: .after(options.timeout), orThrow: late) {
        isWanted.with { $0 = false }
      } _: {
        let link = try Link.open(options)
        if !isWanted.with({ $0 }) { link.retire("nobody waited for it") }
        return link
      }
      let isClosed = state.with { state -> Bool in
        state.opening = nil
        state.failures = 0
        state.notBefore = nil
        if !state.isClosed { state.link = link }
        return state.isClosed
      }
      if isClosed {
        threads.submit { link.retire("closed") }
        throw CancellationError()
      }
      return link
    } catch {
      let ours = SlipwayError.wrap(error)
      state.with { state in
        state.opening = nil
        state.failures += 1
        state.notBefore = ContinuousClock.now + options.backoff(after: state.failures)
        state.lastError = ours
      }
      throw ours
    }
  }

  /// Gives a connection up; the next call opens another.
  func lose(_ link: Link, _ reason: String) {
    state.with { if $0.link === link { $0.link = nil } }
    threads.submit { link.retire(reason) }
  }
}
