internal import Runtime

/// A request's body that is written piece by piece while it is sent. Memory stays within `capacity`: a writer that is too fast waits.
///
/// One writer. It ends by `finish`, by `fail`, or by the end of the exchange; a body that was not finished is never taken for a whole one.
public final class UploadBody: Sendable {
  enum Taken: Sendable, Hashable {
    case bytes(Int)
    /// Nothing is there: libcurl is to pause.
    case none
    case finished
    case failed
  }
  private struct State: Sendable {
    var bytes: [UInt8] = []
    var start = 0
    var isFinished = false
    var isClosed = false
    var isStarving = false
    var wake: (@Sendable () -> Void)?

    var count: Int { bytes.count - start }
  }

  /// How many bytes come in all; nil sends them in chunks (RFC 9112 section 7.1).
  public let length: Int64?
  private let capacity: Int
  private let state = Locked(State())

  /// A body of `length` bytes; `capacity` in bytes bounds what waits to be sent.
  public init(length: Int64?, capacity: Int = 4 << 20) {
    self.length = length
    self.capacity = max(capacity, 64 << 10)
  }

  /// Whether the exchange is over: what is offered now goes nowhere.
  public var isClosed: Bool { state.with { $0.isClosed } }

  /// Takes the next bytes if there is room for them now; false when there is not. Throws `HTTPError` (`cancelled`) once the exchange is over.
  public func offer(_ bytes: UnsafeRawBufferPointer) throws -> Bool {
    let (isTaken, wake) = state.with { state -> (Bool?, (@Sendable () -> Void)?) in
      guard !state.isClosed, !state.isFinished else { return (nil, nil) }
      // A piece that is larger than all of it goes alone.
      guard state.count == 0 || state.count + bytes.count <= capacity else { return (false, nil) }
      // Moved together now and then only: pieces may be small.
      if state.count == 0 || state.start >= capacity / 2 {
        state.bytes.removeFirst(state.start)
        state.start = 0
      }
      state.bytes.append(contentsOf: bytes)
      defer { state.isStarving = false }
      return (true, state.isStarving ? state.wake : nil)
    }
    guard let isTaken else { throw HTTPError(.cancelled, url: "", "the exchange is over") }
    wake?()
    return isTaken
  }

  /// All was written.
  public func finish() { settle { $0.isFinished = true } }

  /// What is missing never comes: the exchange ends as cancelled.
  public func fail() { settle { $0.isClosed = true } }

  private func settle(_ change: (inout State) -> Void) {
    let wake = state.with { state -> (@Sendable () -> Void)? in
      change(&state)
      return state.wake
    }
    wake?()
  }

  // MARK: libcurl's thread

  /// Who is told when there is something to send again.
  func onWake(_ wake: @escaping @Sendable () -> Void) { state.with { $0.wake = wake } }

  func take(into target: UnsafeMutableRawBufferPointer) -> Taken {
    state.with { state in
      if state.isClosed { return .failed }
      guard state.count > 0 else {
        if state.isFinished { return .finished }
        state.isStarving = true
        return .none
      }
      let count = min(state.count, target.count)
      state.bytes.withUnsafeBytes { bytes in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[state.start..<(state.start + count)]))
      }
      state.start += count
      return .bytes(count)
    }
  }

  /// The exchange is over.
  func close() {
    state.with { state in
      state.isClosed = true
      state.wake = nil
      state.bytes = []
      state.start = 0
    }
  }
}
