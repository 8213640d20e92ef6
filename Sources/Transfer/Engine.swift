internal import Model
internal import Runtime

/// What the parts of one transfer share: the order of its pieces, its first error, and the rule for when it is over.
///
/// A transfer that fails begins nothing any more: no read, no write, no observer's call. It is over when all writes and observers' calls
/// that had begun have ended, and either all reads have too or `grace` has passed.
final class Engine: Sendable {
  private struct State: Sendable {
    var order: PieceOrder
    var failure: (any Error)?
    /// Whether `failure` only says that something was cancelled, by nobody that we know of: a real error takes its place.
    var isWeak = false
    /// Calls of the sink and the observers that are under way.
    var active = 0
    /// Whether the work has ended, or was waited for long enough.
    var isOver = false
    var isReaching = false
    var reached: Int64 = 0
    var read: Int64 = 0
    var written: Int64 = 0
    var work: Task<Void, Never>?
    var patience: Task<Void, Never>?
  }

  let options: TransferOptions
  let cut: Cut
  let budget: ByteBudget
  /// One for each read that may be in flight.
  let reads: ByteBudget
  /// One for each piece that may be held.
  let pieces: ByteBudget
  let meter: Meter
  private let sink: any Sink
  private let blocking: (any BlockingSink)?
  private let workers: WorkerPool
  private let lanes: [ObserverLane]
  private let outcome = Handoff<ByteTally>()
  private let state: Locked<State>

  init(
    to sink: any Sink, size: Int64?, observers: [any Observer], options: TransferOptions, budget: ByteBudget, workers: WorkerPool,
    context: RequestContext
  ) throws {
    self.options = options
    self.budget = budget
    self.workers = workers
    self.sink = sink
    blocking = sink as? any BlockingSink
    cut = try Cut(options, granularity: sink.granularity, budget: budget)
    reads = ByteBudget(capacity: options.maximumReads)
    pieces = ByteBudget(capacity: options.maximumPieces)
    meter = Meter(options: options, total: size, observers: observers.count, tell: context.progress)
    lanes = observers.enumerated().map { ObserverLane($0.element, number: $0.offset) }
    state = Locked(State(order: PieceOrder(isObserved: !observers.isEmpty)))
  }

  /// Runs `produce`, which reads and returns the size, to the end of the transfer.
  func run(
    until deadline: Deadline, _ produce: @escaping @Sendable (inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Int64
  ) async throws -> ByteTally {
    try deadline.check("starting the transfer")
    let alarm = deadline.instant.map { instant in
      Task {
        try await Deadline(instant).sleep()
        self.fail(SlipwayError(.timeout, "the deadline passed during the transfer", hint: "give more time with --deadline"))
      }
    }
    let work = Task { await self.work(produce) }
    let isLate = state.with { state -> Bool in
      state.work = work
      return state.failure != nil
    }
    if isLate { work.cancel() }
    defer {
      alarm?.cancel()
      state.with { $0.patience }?.cancel()
    }
    return try await withTaskCancellationHandler {
      try await outcome.value()
    } onCancel: {
      fail(CancellationError(), byCaller: true)
    }
  }

  private func work(_ produce: @Sendable (inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Int64) async {
    do {
      let size = try await withThrowingDiscardingTaskGroup(returning: Int64.self) { group in
        do {
          return try await produce(&group)
        } catch {
          // Told before the group waits for its tasks, so that they stop.
          fail(error)
          throw error
        }
      }
      try check()
      for lane in lanes { try await lane.finish() }
      try check()
      // The last buffers are on their way back from other threads: whoever asks the budget after us finds it whole.
      try await pieces.take(pieces.capacity)
      try await touch { if size > 0 { try await sink.reached(size) } }
      try await touch { try await sink.finish(size: size) }
      let tally = try state.with { state in
        if let failure = state.failure { throw failure }
        state.isOver = true
        return ByteTally(virtual: size, read: state.read, written: state.written, holes: size - state.written)
      }
      meter.finished(size: size)
      outcome.fulfill(.success(tally))
    } catch {
      fail(error)
      // Not cancelled like the task that we are in: waits until every buffer has come back.
      await Task { [pieces] in try? await pieces.take(pieces.capacity) }.value
      settle { $0.isOver = true }
    }
  }

  // MARK: Failure

  /// Throws the transfer's error, or `CancellationError` when the task is cancelled.
  func check() throws {
    if let failure = state.with({ $0.failure }) { throw failure }
    try Task.checkCancellation()
  }

  /// Ends the transfer with `error`, unless it has one already. From any thread.
  func fail(_ error: any Error, byCaller: Bool = false) {
    let isWeak = error is CancellationError && !byCaller
    let (isFirst, work, dropped) = state.with { state -> (Bool, Task<Void, Never>?, [Buffer]) in
      if state.failure != nil {
        if state.isWeak, !isWeak {
          state.failure = error
          state.isWeak = false
        }
        return (false, nil, [])
      }
      // Too late: all is done.
      if state.isOver { return (false, nil, []) }
      state.failure = error
      state.isWeak = isWeak
      return (true, state.work, state.order.drop())
    }
    guard isFirst else { return }
    _ = consume dropped
    for lane in lanes { lane.abandon() }
    work?.cancel()
    let patience = Task { [options] in
      guard (try? await Task.sleep(for: options.grace)) != nil else { return }
      self.settle { $0.isOver = true }
    }
    let isOver = state.with { state -> Bool in
      state.patience = patience
      return state.isOver
    }
    if isOver { patience.cancel() }
  }

  /// A call of the sink or an observer begins. False: the transfer has failed, it must not.
  func begin() -> Bool {
    state.with { state in
      guard state.failure == nil else { return false }
      state.active += 1
      return true
    }
  }

  /// The call that `begin` allowed has ended.
  func end() {
    settle { $0.active -= 1 }
  }

  /// Tells the caller of the failure once nothing is under way any more.
  private func settle(_ change: (inout State) -> Void) {
    let failure = state.with { state -> (any Error)? in
      change(&state)
      return state.active == 0 && state.isOver ? state.failure : nil
    }
    if let failure { outcome.fulfill(.failure(failure)) }
  }

  /// Runs one call of the sink, unless the transfer has failed.
  private func touch(_ body: () async throws -> Void) async throws {
    guard begin() else { throw CancellationError() }
    defer { end() }
    try await body()
  }

  // MARK: Pieces

  /// Data up to `end` comes next; returns the piece's number.
  func expect(to end: Int64) -> Int {
    state.with { $0.order.expect(to: end) }
  }

  /// A hole up to `end` comes next.
  func hole(to end: Int64) async throws {
    state.with { state in
      state.order.hole(to: end) { item in for lane in lanes { lane.push(item, engine: self) } }
    }
    try await advance()
  }

  /// The bytes of piece `number`, `count` of them, are in `buffer`: the observers get them in their turn.
  func arrived(_ number: Int, _ buffer: Buffer, count: Int) {
    state.with { state in
      guard state.failure == nil else { return }
      state.read += Int64(count)
      state.order.arrived(number, buffer) { item in for lane in lanes { lane.push(item, engine: self) } }
    }
  }

  /// Writes piece `number`, without its zeros. The caller then calls `advance`, when it no longer holds the buffer.
  func store(_ number: Int, _ buffer: Buffer, count: Int, at offset: Int64) async throws {
    var written = 0
    try await touch {
      let granularity = Int(cut.granularity)
      if let blocking {
        written = try await workers.runAlways {
          let bytes = UnsafeRawBufferPointer(rebasing: buffer.memory[..<count])
          let runs = ZeroScan.runs(in: bytes, granularity: granularity)
          for run in runs {
            try blocking.writeBlocking(UnsafeRawBufferPointer(rebasing: bytes[run]), at: offset + Int64(run.lowerBound))
          }
          return runs.reduce(0) { $0 + $1.count }
        }
      } else {
        let runs = try await workers.runAlways {
          ZeroScan.runs(in: UnsafeRawBufferPointer(rebasing: buffer.memory[..<count]), granularity: granularity)
        }
        for run in runs {
          try await sink.write(buffer, range: run, at: offset + Int64(run.lowerBound))
          written += run.count
        }
      }
    }
    state.with { state in
      state.written += Int64(written)
      state.order.written(number)
    }
  }

  /// Tells the sink and the caller how far the writes have come. One task at a time does it; others leave it to that one.
  func advance() async throws {
    var isMine = false
    while true {
      let next = state.with { state -> Int64? in
        if !isMine, state.isReaching { return nil }
        let frontier = state.order.frontier
        state.isReaching = state.failure == nil && frontier > state.reached
        guard state.isReaching else { return nil }
        state.reached = frontier
        return frontier
      }
      guard let next else { return }
      isMine = true
      try await touch { try await sink.reached(next) }
      meter.written(to: next)
    }
  }
}
