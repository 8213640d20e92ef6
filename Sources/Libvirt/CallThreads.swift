internal import Model
internal import Runtime

/// Where calls of libvirt block: on owned threads. A call that does not come back in time is given up on: its thread is written off until the call
/// returns, others go on. So many may hang; with more, every call is refused at once.
final class CallThreads: Sendable {
  private enum Phase { case running, abandoned, done }
  private let pool: WorkerPool
  private let limit: Int
  private let hanging = Locked(0)

  /// `threads` for calls that answer, and as many again as may hang.
  init(threads: Int = 4, hanging limit: Int = 16) {
    self.limit = limit
    pool = WorkerPool(name: "libvirt", threads: threads + limit)
  }

  /// How many calls were given up on and have not come back.
  var abandoned: Int { hanging.with { $0 } }

  /// Runs `body` until `deadline`. After that, or when the caller is cancelled, `abandon` is told and the caller goes on with `late` or `CancellationError`.
  func run<Value: Sendable>(
    until deadline: Deadline, orThrow late: SlipwayError, abandon: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try Task.checkCancellation()
    guard abandoned < limit else {
      throw SlipwayError(
        .libvirtUnavailable, "\(limit) calls to libvirt have not come back", object: late.object,
        hint: "check libvirt and its storage pools (virsh pool-list --all), and restart libvirtd if it hangs")
    }
    let handoff = Handoff<Value>()
    let phase = Locked(Phase.running)
    let hanging = hanging
    pool.submit {
      if phase.with({ $0 == .abandoned }) {
        hanging.with { $0 -= 1 }
        return
      }
      let result = Result { try body() }
      let wasAbandoned = phase.with { phase -> Bool in
        defer { phase = .done }
        return phase == .abandoned
      }
      if wasAbandoned { hanging.with { $0 -= 1 } }
      handoff.fulfill(result)
    }
    let alarm = Task {
      try await deadline.sleep()
      handoff.fulfill(.failure(late))
    }
    defer { alarm.cancel() }
    do {
      return try await handoff.value(cancellable: true)
    } catch {
      let isAbandoned = phase.with { phase -> Bool in
        guard phase == .running else { return false }
        phase = .abandoned
        // Counted before the job can see that it is.
        hanging.with { $0 += 1 }
        return true
      }
      if isAbandoned { abandon() }
      throw error
    }
  }

  /// Queues a job that nobody waits for: closing.
  func submit(_ job: @escaping @Sendable () -> Void) { pool.submit(job) }

  /// Lets the threads end.
  func close() { pool.close() }
}
