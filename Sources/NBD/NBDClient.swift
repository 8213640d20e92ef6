internal import Glibc
public import Model
public import Runtime

/// A client of one export: any number of requests at once, each within `limits.pace`; a server that breaks the protocol or does not answer ends it.
public final class NBDClient: Sendable {
  private struct Waiting: Sendable {
    let buffer: Buffer?
    let handoff: Handoff<Awaited>
  }
  private struct State {
    var replies: ReplyMachine
    var next: UInt64 = 1
    var waiting: [UInt64: Waiting] = [:]
    var failure: (any Error)?
    var receiver: Task<Void, Never>?
  }

  /// Size in bytes.
  public let size: Int64
  /// Whether the server takes no writes.
  public let isReadOnly: Bool
  /// The longest read or write that the server takes, in bytes.
  public let longest: Int
  private let facts: ServerFacts
  private let socket: NBDSocket
  private let limits: NBDLimits
  private let slots: ByteBudget
  private let state: Locked<State>

  private init(_ facts: ServerFacts, _ socket: NBDSocket, _ limits: NBDLimits) {
    self.facts = facts
    self.socket = socket
    self.limits = limits
    size = facts.size
    isReadOnly = facts.flags & Protocol.Can.readOnly != 0
    longest = min(facts.longest, limits.longest)
    slots = ByteBudget(capacity: limits.requests)
    state = Locked(State(replies: ReplyMachine(facts)))
  }

  /// Greets the server at the other end of `socket`, which it takes over. Throws `source_failed`, `timeout`, `CancellationError`.
  public static func connect(_ socket: NBDSocket, export: String = "", limits: NBDLimits = NBDLimits()) async throws -> NBDClient {
    do {
      let facts = try await withTaskCancellationHandler {
        try await greet(socket, export, limits)
      } onCancel: {
        socket.shutDown()
      }
      let client = NBDClient(facts, socket, limits)
      client.start()
      return client
    } catch {
      await socket.close()
      try Task.checkCancellation()
      throw error
    }
  }

  private static func greet(_ socket: NBDSocket, _ export: String, _ limits: NBDLimits) async throws -> ServerFacts {
    let deadline = Deadline.after(limits.handshake)
    var machine = ClientHandshake(export: export)
    while true {
      guard let bytes = try await socket.receive(machine.wants, patience: deadline.remaining, pace: deadline.remaining ?? limits.pace)
      else {
        throw SlipwayError.hungUp("it was greeted")
      }
      for step in try machine.take(bytes) {
        switch step {
        case .send(let bytes): try await socket.send(bytes, pace: limits.handshake)
        case .ready(let facts): return facts
        }
      }
    }
  }

  // MARK: Requests

  /// Fills `buffer.memory[0..<length]` with the bytes from `offset`. Throws `source_failed`, `timeout`.
  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    var done = 0
    while done < length {
      let step = min(longest, length - done)
      if done == 0, step == length {
        _ = try await ask(.read, at: offset, length: length, buffer)
        return
      }
      // More than the server takes at once.
      let part = Buffer(capacity: step)
      _ = try await ask(.read, at: offset + Int64(done), length: step, part)
      UnsafeMutableRawBufferPointer(rebasing: buffer.memory[done..<done + step]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: part.memory[..<step]))
      done += step
    }
  }

  /// Extents that cover `offset ..< end`; all of it is data where the server tells none.
  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    guard offset < end else { return [] }
    guard facts.context != nil else { return [Extent(offset: offset, length: end - offset, isData: true)] }
    var found: [Extent] = []
    var position = offset
    while position < end {
      let length = Int(min(end - position, 1 << 30))
      for extent in try await ask(.blockStatus, at: position, length: length).extents {
        if let last = found.last, last.isData == extent.isData {
          found[found.count - 1].length += extent.length
        } else {
          found.append(extent)
        }
        position = extent.end
      }
    }
    return found
  }

  /// Writes `buffer.memory[0..<length]` at `offset`; `length` at most `longest`.
  public func write(_ buffer: Buffer, length: Int, at offset: Int64) async throws {
    _ = try await ask(.write, at: offset, length: length, buffer)
  }

  /// Makes a range read as zeros.
  public func zero(at offset: Int64, length: Int64) async throws {
    try await pieces(offset, length) { _ = try await ask(.writeZeroes, at: $0, length: $1) }
  }

  /// Gives a range up; what it reads as then is the server's affair.
  public func trim(at offset: Int64, length: Int64) async throws {
    try await pieces(offset, length) { _ = try await ask(.trim, at: $0, length: $1) }
  }

  /// Returns once all that was written before has arrived.
  public func flush() async throws {
    guard facts.flags & Protocol.Can.flush != 0 else { return }
    _ = try await ask(.flush, at: 0, length: 0)
  }

  /// Says good-bye and closes. Requests under way fail.
  public func close() async {
    try? await socket.send(Self.message(.disconnect, cookie: 0, offset: 0, length: 0), pace: .seconds(5))
    fail(SlipwayError.hungUp("it was closed"))
    await socket.close()
    await state.with { $0.receiver }?.value
  }

  private func pieces(_ offset: Int64, _ length: Int64, _ body: (Int64, Int) async throws -> Void) async throws {
    var position = offset
    while position < offset + length {
      let step = Int(min(1 << 30, offset + length - position))
      try await body(position, step)
      position += Int64(step)
    }
  }

  private func ask(_ command: Protocol.Command, at offset: Int64, length: Int, _ buffer: Buffer? = nil) async throws -> Awaited {
    guard offset >= 0, length >= 0, offset <= size, Int64(length) <= size - offset else {
      throw SlipwayError(.internalError, "\(length) bytes at \(offset) lie outside an export of \(size)")
    }
    if length == 0, command != .flush { return Awaited(command: command, offset: offset, length: 0) }
    try await slots.take(1)
    defer { slots.give(1) }
    let handoff = Handoff<Awaited>()
    let cookie = try state.with { state in
      if let failure = state.failure { throw failure }
      defer { state.next += 1 }
      state.waiting[state.next] = Waiting(buffer: buffer, handoff: handoff)
      state.replies.expect(Awaited(command: command, offset: offset, length: length), cookie: state.next)
      return state.next
    }
    do {
      let head = Self.message(command, cookie: cookie, offset: offset, length: length)
      try await socket.send(head, command == .write ? buffer : nil, count: command == .write ? length : 0, pace: limits.pace)
    } catch {
      fail(error)
    }
    let pace = limits.pace
    let alarm = Task {
      try await Task.sleep(for: pace)
      self.fail(SlipwayError(.timeout, "the NBD server did not answer within \(pace)"))
    }
    defer { alarm.cancel() }
    let reply = try await handoff.value(cancellable: true)
    switch reply.error {
    case 0: return reply
    case WireError.noSpace: throw SlipwayError(.noSpace, "the NBD server has no space left")
    case WireError.notPermitted: throw SlipwayError(.permissionDenied, "the NBD server does not permit that")
    default: throw SlipwayError(.sourceFailed, "the NBD server failed with error \(reply.error) at \(offset)")
    }
  }

  private static func message(_ command: Protocol.Command, cookie: UInt64, offset: Int64, length: Int) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.requestMagic)
    packed.add(UInt16(0))
    packed.add(command.rawValue)
    packed.add(cookie)
    packed.add(UInt64(offset))
    packed.add(UInt32(length))
    return packed.bytes
  }

  // MARK: Replies

  private func start() {
    // Ends when the socket is shut, which closing it and any failure do.
    let receiver = Task { [weak self] in
      while let self, await self.receiveOne() {}
    }
    state.with { $0.receiver = receiver }
  }

  private func receiveOne() async -> Bool {
    do {
      let (wants, isInMessage) = state.with { ($0.replies.wants, $0.replies.isInMessage) }
      guard let bytes = try await socket.receive(wants, patience: isInMessage ? limits.pace : nil, pace: limits.pace) else {
        throw SlipwayError.hungUp("its answers were waited for")
      }
      for step in try state.with({ try $0.replies.take(bytes) }) {
        switch step {
        case .data(let cookie, let range):
          // One that was cancelled has its memory kept here until its bytes have come.
          guard let buffer = state.with({ $0.waiting[cookie]?.buffer }) else { throw SlipwayError.violation("data for what is no read") }
          try await socket.receive(into: buffer, range, pace: limits.pace)
        case .zeros(let cookie, let range):
          guard let buffer = state.with({ $0.waiting[cookie]?.buffer }) else { throw SlipwayError.violation("data for what is no read") }
          UnsafeMutableRawBufferPointer(rebasing: buffer.memory[range]).initializeMemory(as: UInt8.self, repeating: 0)
        case .done(let cookie):
          let (waiting, reply) = state.with { ($0.waiting.removeValue(forKey: cookie), $0.replies.remove(cookie)) }
          if let reply { waiting?.handoff.fulfill(.success(reply)) }
        }
      }
      return true
    } catch {
      fail(error)
      return false
    }
  }

  private func fail(_ error: any Error) {
    socket.shutDown()
    let waiting = state.with { state -> [Waiting] in
      state.failure = state.failure ?? error
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for one in waiting { one.handoff.fulfill(.failure(error)) }
  }
}
