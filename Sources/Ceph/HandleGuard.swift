internal import Model
internal import Runtime

/// Keeps a C handle open while anyone is inside it, and closes it once, when it was told to and the last one has left. What hangs on a
/// handle (a pool on its cluster, an image on its pool) counts as being inside, so handles close in order whatever fails where.
final class HandleGuard: @unchecked Sendable {
  // Sendable by proof: `pointer` is immutable; librados and librbd handles may be used from any thread; the counts are behind `state`.
  private struct State {
    var users = 0
    var closing = false
    var closed = false
  }
  private let pointer: UnsafeMutableRawPointer
  private let what: String
  private let state = Locked(State())
  private let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
  private let closedSignal = Handoff<Void>()

  init(_ pointer: UnsafeMutableRawPointer, what: String, destroy: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
    self.pointer = pointer
    self.what = what
    self.destroy = destroy
  }

  /// Enters the handle; every success is followed by one `leave`.
  func enter() throws(SlipwayError) -> UnsafeMutableRawPointer {
    let open = state.with { state -> Bool in
      if state.closing { return false }
      state.users += 1
      return true
    }
    guard open else { throw SlipwayError(.internalError, "\(what) is closed already", object: what) }
    return pointer
  }

  /// Leaves; the last one out of a closing handle closes it, on its own thread.
  func leave() {
    let last = state.with { state -> Bool in
      state.users -= 1
      return state.closing && state.users == 0 && !state.closed
    }
    if last { finish() }
  }

  /// As `leave`, on a thread of the library's own: closing there would wait for the very callback that it is called from, so the last one
  /// out leaves that to `workers`.
  func leave(closingOn workers: WorkerPool) {
    let last = state.with { state -> Bool in
      state.users -= 1
      return state.closing && state.users == 0 && !state.closed
    }
    if last { workers.submit { self.finish() } }
  }

  /// Runs a synchronous call inside the handle.
  func use<Result>(_ body: (UnsafeMutableRawPointer) throws -> Result) throws -> Result {
    let pointer = try enter()
    defer { leave() }
    return try body(pointer)
  }

  /// Lets nobody in any more and closes as soon as the last one has left. Blocks only when that is now.
  func close() {
    let now = state.with { state -> Bool in
      if state.closing { return false }
      state.closing = true
      return state.users == 0
    }
    if now { finish() }
  }

  /// Waits until the handle is really closed. One waiter.
  func waitUntilClosed() async throws { try await closedSignal.value(cancellable: true) }

  private func finish() {
    let first = state.with { state -> Bool in
      if state.closed { return false }
      state.closed = true
      return true
    }
    guard first else { return }
    destroy(pointer)
    closedSignal.fulfill(.success(()))
  }
}
