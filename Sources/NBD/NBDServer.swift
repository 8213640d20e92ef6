internal import CLinux
internal import Model
public import Runtime

/// Serves one export to one peer: fixed newstyle NBD with structured replies and `base:allocation`.
///
/// Memory is what `budget` allows; it must be the connection's own, or at least not one that a peer's progress depends on. Nothing that a peer sends
/// makes it hold more, wait longer than `limits` say, or touch bytes outside the export.
public final class NBDServer: Sendable {
  private let export: NBDExport
  private let socket: NBDSocket
  private let limits: NBDLimits
  private let budget: ByteBudget
  private let activity: NBDActivity
  /// One for each request under way.
  private let slots: ByteBudget

  /// A server on a connected socket, which it takes over. `activity` is told what goes on.
  public init(
    _ export: NBDExport, on socket: NBDSocket, limits: NBDLimits = NBDLimits(), budget: ByteBudget, activity: NBDActivity = NBDActivity()
  ) {
    self.export = export
    self.socket = socket
    self.limits = limits
    self.budget = budget
    self.activity = activity
    slots = ByteBudget(capacity: limits.requests)
  }

  /// Serves until the peer leaves; every request that it had sent is done by then, and the socket closed. A peer that goes without a word is as good as one
  /// that says so, between two requests.
  ///
  /// Throws `source_failed` for a peer that breaks the protocol or goes in the middle of a message, `timeout`, `CancellationError`. An export's error
  /// is told to the peer and to `activity` and ends nothing.
  public func run() async throws {
    do {
      try await withTaskCancellationHandler {
        try await converse()
      } onCancel: {
        socket.shutDown()
      }
      await socket.close()
    } catch {
      await socket.close()
      // What a shut socket says is not what happened.
      try Task.checkCancellation()
      throw error
    }
  }

  private func converse() async throws {
    let longest = min(max(limits.longest, 1 << 16), 32 << 20)
    var machine = ServerMachine(
      ExportFacts(size: export.size, canRead: export.reading != nil, canWrite: export.writing != nil, longest: longest))
    let handshake = Deadline.after(limits.handshake)
    try await socket.send(ServerMachine.greeting, pace: limits.handshake)
    while !machine.isServing {
      guard let bytes = try await socket.receive(machine.wants, patience: handshake.remaining, pace: handshake.remaining ?? limits.pace)
      else {
        throw SlipwayError.hungUp("it was greeted")
      }
      for step in try machine.take(bytes) {
        switch step {
        case .send(let bytes): try await socket.send(bytes, pace: limits.handshake)
        case .leave: return
        case .serve: throw SlipwayError(.internalError, "a request came out of an NBD handshake")
        }
      }
      try handshake.check("an NBD peer was greeted")
    }
    try await withThrowingDiscardingTaskGroup { group in
      do {
        try await serve(&machine, &group)
      } catch {
        // Told before the group waits for what is under way.
        socket.shutDown()
        throw error
      }
    }
  }

  private func serve(_ machine: inout ServerMachine, _ group: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
    while true {
      guard let bytes = try await next(machine.wants) else { return }
      for step in try machine.take(bytes) {
        switch step {
        case .send(let bytes): try await socket.send(bytes, pace: limits.pace)
        case .leave: return
        case .serve(let request):
          try await slots.take(1)
          // From here on it is we who are waited for, be it for memory.
          activity.begin()
          let replies = machine
          switch request.command {
          case .write:
            try await write(request, &machine, &group)
          case .read:
            try await budget.take(request.length)
            let budget = budget
            let buffer = Buffer(capacity: request.length) { budget.give(request.length) }
            group.addTask { try await self.answer(request, replies) { try await self.read(request, into: buffer, replies) } }
          case .writeZeroes, .trim, .flush:
            if export.writing?.isOrdered ?? true {
              try await answer(request, replies) { try await self.change(request, replies) }
            } else {
              group.addTask { try await self.answer(request, replies) { try await self.change(request, replies) } }
            }
          case .blockStatus:
            group.addTask { try await self.answer(request, replies) { try await self.status(request, replies) } }
          case .disconnect: return
          }
        }
      }
    }
  }

  /// The next bytes; nil when the peer has gone between two messages. Patient for as long as something is under way.
  private func next(_ count: Int) async throws -> [UInt8]? {
    while true {
      do {
        return try await socket.receive(count, patience: limits.idle, pace: limits.pace)
      } catch let error as SlipwayError where error.code == .timeout && slots.available < slots.capacity {
        // Not a byte of the next message is lost: it had not begun.
        continue
      }
    }
  }

  // MARK: Requests

  /// What goes back to the peer.
  private struct Reply {
    var head: [UInt8]
    var buffer: Buffer?
    var count = 0
  }

  /// Does a request and sends what came of it; gives its slot back.
  private func answer(_ request: NBDRequest, _ machine: ServerMachine, _ body: () async throws -> Reply) async throws {
    defer { slots.give(1) }
    do {
      let reply: Reply
      do {
        reply = try await body()
      } catch {
        try Task.checkCancellation()
        let error = SlipwayError.wrap(error)
        activity.failed(error)
        reply = Reply(head: machine.refusal(request.cookie, Self.number(of: error)))
      }
      try await socket.send(reply.head, reply.buffer, count: reply.count, pace: limits.pace)
      activity.end(
        read: request.command == .read ? reply.count : 0, written: request.command == .write ? request.length : 0)
    } catch {
      activity.end()
      // Whoever waits for the next request must not wait for its patience to end.
      socket.shutDown()
      throw error
    }
  }

  private func read(_ request: NBDRequest, into buffer: Buffer, _ machine: ServerMachine) async throws -> Reply {
    guard let reading = export.reading else { throw SlipwayError(.internalError, "an export without reading was read") }
    try await reading.read(at: request.offset, length: request.length, into: buffer)
    if let hole = machine.zeros(request), slipway_is_zero(buffer.memory.baseAddress, request.length) { return Reply(head: hole) }
    return Reply(head: machine.dataHead(request), buffer: buffer, count: request.length)
  }

  private func status(_ request: NBDRequest, _ machine: ServerMachine) async throws -> Reply {
    guard let reading = export.reading else { throw SlipwayError(.internalError, "an export without reading was asked for extents") }
    let extents = try await reading.extents(from: request.offset, to: request.offset + Int64(request.length))
    return Reply(head: machine.status(request, extents))
  }

  private func write(_ request: NBDRequest, _ machine: inout ServerMachine, _ group: inout ThrowingDiscardingTaskGroup<any Error>)
    async throws
  {
    guard let writing = export.writing else { throw SlipwayError(.internalError, "an export without writing was written") }
    try await budget.take(request.length)
    let budget = budget
    let buffer = Buffer(capacity: request.length) { budget.give(request.length) }
    try await socket.receive(into: buffer, 0..<request.length, pace: limits.pace)
    machine.payloadTaken()
    let replies = machine
    @Sendable func store() async throws -> Reply {
      try await writing.write(buffer, length: request.length, at: request.offset)
      if request.flags & Protocol.Flag.fua != 0 { try await writing.flush() }
      return Reply(head: replies.done(request.cookie))
    }
    if writing.isOrdered {
      try await answer(request, replies, store)
    } else {
      group.addTask { try await self.answer(request, replies, store) }
    }
  }

  private func change(_ request: NBDRequest, _ machine: ServerMachine) async throws -> Reply {
    if let writing = export.writing {
      switch request.command {
      case .writeZeroes: try await writing.zero(at: request.offset, length: Int64(request.length))
      // A hint, which may be ignored. What was trimmed may read as anything.
      case .trim: break
      default: break
      }
      if request.command == .flush || request.flags & Protocol.Flag.fua != 0 { try await writing.flush() }
    }
    return Reply(head: machine.done(request.cookie))
  }

  private static func number(of error: SlipwayError) -> UInt32 {
    switch error.code {
    case .noSpace: WireError.noSpace
    case .permissionDenied: WireError.notPermitted
    case .usage: WireError.invalid
    default: WireError.io
    }
  }
}
