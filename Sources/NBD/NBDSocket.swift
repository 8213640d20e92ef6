internal import Glibc
internal import Model
internal import Runtime

/// A connected stream socket with one reader and one writer, each on an owned thread of its own; every wait has an end.
public final class NBDSocket: Sendable {
  private struct State: Sendable {
    var descriptor: Int32
    var isShut = false
  }
  private let state: Locked<State>
  private let reader = WorkerPool(name: "nbd-read", threads: 1)
  private let writer = WorkerPool(name: "nbd-write", threads: 1)

  /// Takes over a connected stream socket.
  public init(taking descriptor: Int32) { state = Locked(State(descriptor: descriptor)) }

  deinit {
    let descriptor = state.with { $0.descriptor }
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// A pair of connected sockets that nobody else can reach: one for us, one for a peer, whose descriptor (closed on exec) is the caller's.
  /// Throws `io_error`.
  public static func pair() throws -> (ours: NBDSocket, theirs: Int32) {
    var both: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &both) == 0 else {
      throw SlipwayError(.ioError, "cannot make a pair of sockets: \(String(cString: strerror(errno)))")
    }
    return (NBDSocket(taking: both[0]), both[1])
  }

  /// Exactly `count` bytes. Nil where the peer had closed before the first. `patience` is for the first byte, nil for none; once it has come, the others
  /// must within `pace`. Throws `timeout` where not one byte came, else `source_failed`.
  func receive(_ count: Int, patience: Duration?, pace: Duration) async throws -> [UInt8]? {
    try await reader.run {
      var bytes = [UInt8](repeating: 0, count: count)
      let complete = try bytes.withUnsafeMutableBytes { try self.fill($0, patience: patience, pace: pace) }
      return complete ? bytes : nil
    }
  }

  /// As above, into `buffer.memory[range]`, with `pace` alone; a peer that has closed is an error.
  func receive(into buffer: Buffer, _ range: Range<Int>, pace: Duration) async throws {
    try await reader.run {
      guard try self.fill(UnsafeMutableRawBufferPointer(rebasing: buffer.memory[range]), patience: pace, pace: pace) else {
        throw SlipwayError.hungUp("its data was read")
      }
    }
  }

  /// Sends `head`, then `count` bytes of `buffer`; frames of several tasks never mix. The peer must take some of them at least every `pace`.
  /// Throws `timeout`, `source_failed`.
  func send(_ head: [UInt8], _ buffer: Buffer? = nil, count: Int = 0, pace: Duration) async throws {
    try await writer.runAlways {
      try head.withUnsafeBytes { try self.drain($0, pace: pace, more: count > 0) }
      if let buffer, count > 0 { try self.drain(UnsafeRawBufferPointer(rebasing: buffer.memory[..<count]), pace: pace, more: false) }
    }
  }

  /// Ends every wait of ours and of the peer's. From any thread.
  public func shutDown() {
    state.with { state in
      state.isShut = true
      if state.descriptor >= 0 { Glibc.shutdown(state.descriptor, Int32(SHUT_RDWR)) }
    }
  }

  /// Closes, once nobody is inside.
  public func close() async {
    shutDown()
    let (reader, writer, state) = (reader, writer, state)
    _ = try? await reader.runAlways {}
    _ = try? await writer.runAlways {
      state.with { state in
        if state.descriptor >= 0 { Glibc.close(state.descriptor) }
        state.descriptor = -1
      }
    }
    reader.close()
    writer.close()
  }

  // MARK: On the owned threads

  private func fill(_ memory: UnsafeMutableRawBufferPointer, patience: Duration?, pace: Duration) throws -> Bool {
    var done = 0
    while done < memory.count {
      do {
        try wait(for: POLLIN, done == 0 ? patience : pace, "for a peer")
      } catch let error as SlipwayError where error.code == .timeout && done > 0 {
        throw SlipwayError.violation("the first \(done) bytes of a message and no more for \(pace)")
      }
      let got = recv(try descriptor(), memory.baseAddress.map { $0 + done }, memory.count - done, Int32(MSG_DONTWAIT))
      if got > 0 {
        done += got
      } else if got == 0 || errno == ECONNRESET {
        if done == 0 { return false }
        throw SlipwayError.hungUp("it sent a message")
      } else if errno != EINTR, errno != EAGAIN {
        throw failure("read from")
      }
    }
    return true
  }

  private func drain(_ memory: UnsafeRawBufferPointer, pace: Duration, more: Bool) throws {
    var done = 0
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0))
    while done < memory.count {
      let sent = Glibc.send(try descriptor(), memory.baseAddress.map { $0 + done }, memory.count - done, flags)
      if sent > 0 {
        done += sent
      } else if sent < 0, errno == EAGAIN {
        try wait(for: POLLOUT, pace, "for a peer to read")
      } else if sent < 0, errno == EPIPE || errno == ECONNRESET {
        throw SlipwayError.hungUp("it was sent a message")
      } else if sent < 0, errno != EINTR {
        throw failure("write to")
      }
    }
  }

  private func wait(for events: Int32, _ limit: Duration?, _ what: String) throws {
    let deadline = limit.map { ContinuousClock.now + $0 }
    while true {
      var entry = pollfd(fd: try descriptor(), events: Int16(events), revents: 0)
      let left = deadline.map { max(.zero, $0 - ContinuousClock.now) }
      // Rounded up, so that a rest of less than a millisecond does not spin.
      let milliseconds = left.map {
        Int32(clamping: min($0.components.seconds, 3600) * 1000 + $0.components.attoseconds / 1_000_000_000_000_000 + 1)
      }
      let ready = poll(&entry, 1, milliseconds ?? 3_600_000)
      if ready > 0 { return }
      if ready < 0, errno != EINTR { throw failure("wait for") }
      if let deadline, ContinuousClock.now >= deadline {
        throw SlipwayError(.timeout, "the NBD connection was given up after waiting \(limit ?? .zero) \(what)")
      }
    }
  }

  private func descriptor() throws -> Int32 {
    let (descriptor, isShut) = state.with { ($0.descriptor, $0.isShut) }
    guard descriptor >= 0, !isShut else { throw SlipwayError.hungUp("it was in use") }
    return descriptor
  }

  private func failure(_ doing: String) -> SlipwayError {
    SlipwayError(.sourceFailed, "cannot \(doing) an NBD peer: \(String(cString: strerror(errno)))")
  }
}
