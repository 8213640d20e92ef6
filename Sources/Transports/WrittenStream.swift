internal import Model
public import NBD
public import Runtime
public import Transfer

/// What a peer writes over NBD, as a source for a transfer: `qemu-img convert` writes forward only, each byte once at most, and what it leaves out is zeros.
///
/// A write behind what was told already is refused. What waits for the transfer is bounded by the server's byte budget, which a write gives back when the
/// transfer has taken its bytes; a peer that is too fast waits. Only `finish` ends the stream well.
public final class WrittenStream: NBDWriting, SparseSequentialSource {
  fileprivate struct Piece: Sendable {
    var offset: Int64
    let buffer: Buffer
    var taken = 0
    let length: Int
  }

  fileprivate struct State: Sendable {
    /// The next byte that the transfer takes.
    var position: Int64 = 0
    /// Up to where the peer has told.
    var frontier: Int64 = 0
    var pieces: [Piece] = []
    var isFinished = false
    var failure: (any Error)?
    var reader: Handoff<Void>?
    var writer: Handoff<Void>?
  }

  public let isOrdered = true
  public let size: Int64?
  private let length: Int64
  private let object: String
  private let state = Locked(State())
  /// Writes that wait at most: a budget of bytes alone would hold millions of them.
  private static let mostPieces = 64

  /// A stream of `size` bytes, written by `object`'s conversion.
  public init(size: Int64, object: String) {
    self.size = size
    self.object = object
    length = size
  }

  /// All was written: what the peer left out is zeros.
  public func finish() { settle { $0.isFinished = true } }

  /// The peer failed: the transfer ends with `error`.
  public func fail(_ error: any Error) { settle { $0.failure = $0.failure ?? error } }

  // MARK: The peer's side

  public func write(_ buffer: Buffer, length: Int, at offset: Int64) async throws {
    while true {
      let wait = try state.with { state -> Handoff<Void>? in
        if let failure = state.failure { throw failure }
        try judge(offset, state)
        if state.pieces.count < Self.mostPieces { return nil }
        let handoff = Handoff<Void>()
        state.writer = handoff
        return handoff
      }
      guard let wait else { break }
      try await wait.value(cancellable: true)
    }
    settle { state in
      state.pieces.append(Piece(offset: offset, buffer: buffer, length: length))
      state.frontier = offset + Int64(length)
    }
  }

  public func zero(at offset: Int64, length: Int64) async throws {
    try state.with { try judge(offset, $0) }
    settle { $0.frontier = offset + length }
  }

  /// What was written is on its way; whether it arrives is the transfer's affair, which tells of it.
  public func flush() async throws {
    if let failure = state.with({ $0.failure }) { throw failure }
  }

  private func judge(_ offset: Int64, _ state: State) throws(SlipwayError) {
    guard offset >= state.frontier, !state.isFinished else {
      throw SlipwayError(
        .formatRefused, "the conversion of \(object) wrote at \(offset) after it had come to \(state.frontier)", object: object)
    }
  }

  // MARK: The transfer's side

  public func zeros(granularity: Int) async throws -> Int64 {
    let block = Int64(granularity)
    while true {
      let (known, wait) = try look { state in
        let known = state.knownZeros(length)
        let whole = state.position + known == length ? known : known - known % block
        state.position += whole
        // Something is known, but too little to be skipped.
        return whole > 0 ? whole : known > 0 || state.hasBytes || state.position == length ? 0 : nil
      }
      if let known { return known }
      try await wait.value(cancellable: true)
    }
  }

  public func next(into buffer: Buffer, from start: Int) async throws -> Int {
    let room = buffer.memory.count - start
    while true {
      let (count, wait) = try look { state -> Int? in
        if state.position == length { return state.isFinished ? 0 : nil }
        let zeros = Int(min(Int64(room), state.knownZeros(length)))
        if zeros > 0 {
          UnsafeMutableRawBufferPointer(rebasing: buffer.memory[start..<start + zeros]).initializeMemory(as: UInt8.self, repeating: 0)
          state.position += Int64(zeros)
          return zeros
        }
        return state.hasBytes ? state.take(room) { buffer.memory.baseAddress.map { $0 + start } } : nil
      }
      if let count {
        state.with { state -> Handoff<Void>? in
          defer { state.writer = nil }
          return state.writer
        }?.fulfill(.success(()))
        return count
      }
      try await wait.value(cancellable: true)
    }
  }

  /// What `body` finds, or, when it finds nothing yet, what to wait for before the next look.
  private func look<Value>(_ body: (inout State) -> Value?) throws -> (Value?, Handoff<Void>) {
    try state.with { state in
      if let failure = state.failure { throw failure }
      let handoff = Handoff<Void>()
      let value = body(&state)
      if value == nil { state.reader = handoff }
      return (value, handoff)
    }
  }

  /// Changes the state and wakes whoever waits for that.
  private func settle(_ change: (inout State) -> Void) {
    let waiting = state.with { state -> [Handoff<Void>] in
      change(&state)
      let isOver = state.failure != nil
      defer {
        state.reader = nil
        if isOver { state.writer = nil }
      }
      return [state.reader, isOver ? state.writer : nil].compactMap { $0 }
    }
    for handoff in waiting { handoff.fulfill(.success(())) }
  }
}

extension WrittenStream.State {
  /// Whether the next byte was written.
  fileprivate var hasBytes: Bool { pieces.first.map { $0.offset == position } ?? false }

  /// Zeros from the position on, as far as is known.
  fileprivate func knownZeros(_ length: Int64) -> Int64 { (pieces.first?.offset ?? (isFinished ? length : frontier)) - position }

  /// Copies from the first piece, which begins at the position; how many bytes.
  fileprivate mutating func take(_ room: Int, _ target: () -> UnsafeMutableRawPointer?) -> Int {
    guard var piece = pieces.first, let target = target(), let source = piece.buffer.memory.baseAddress else { return 0 }
    let count = min(room, piece.length - piece.taken)
    target.copyMemory(from: source + piece.taken, byteCount: count)
    position += Int64(count)
    piece.taken += count
    piece.offset = position
    if piece.taken == piece.length { pieces.removeFirst() } else { pieces[0] = piece }
    return count
  }
}
