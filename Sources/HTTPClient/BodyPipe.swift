internal import Runtime

/// A ring of bytes between libcurl's thread, which fills it, and one reader. Full, it makes the thread pause the transfer.
final class BodyPipe: @unchecked Sendable {
  // Sendable by proof: indices live in `state`; the memory between them belongs to the reader, the rest to the writer, and ownership of a
  // region moves only through `state`'s lock.
  enum End: Sendable {
    case finished
    case failed(HTTPError)
  }
  enum Written {
    case taken, full, closed
  }
  enum Read {
    /// So many bytes were copied; `resume`: the writer is paused and there is room again.
    case bytes(Int, resume: Bool)
    case end(End)
    case wait(Handoff<Void>)
  }
  private struct State: Sendable {
    var start = 0
    var count = 0
    var end: End?
    var paused = false
    var waiter: Handoff<Void>?
  }

  let capacity: Int
  private let memory: UnsafeMutableRawPointer
  private let state = Locked(State())

  /// `capacity` in bytes; libcurl writes at most 16 KiB at a time, so less than 64 KiB makes no sense.
  init(capacity: Int) {
    self.capacity = max(capacity, 64 << 10)
    memory = .allocate(byteCount: self.capacity, alignment: 4096)
  }

  deinit { memory.deallocate() }

  // MARK: The writer

  func write(_ source: UnsafeRawPointer, count: Int) -> Written {
    let place = state.with { state -> (Written, Int) in
      if state.end != nil { return (.closed, 0) }
      if capacity - state.count < count {
        state.paused = true
        return (.full, 0)
      }
      return (.taken, (state.start + state.count) % capacity)
    }
    guard place.0 == .taken else { return place.0 }
    let first = min(count, capacity - place.1)
    (memory + place.1).copyMemory(from: source, byteCount: first)
    if first < count { memory.copyMemory(from: source + first, byteCount: count - first) }
    state.with { $0.count += count }
    return .taken
  }

  /// Wakes the reader if there is something for it. Apart from `write` so that a reader wakes once for many small writes.
  func flush() {
    let waiter = state.with { state -> Handoff<Void>? in
      guard state.count > 0 || state.end != nil else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.fulfill(.success(()))
  }

  /// The first end counts; true when this was it. The reader still gets what was written before, unless `discard`.
  @discardableResult func end(_ end: End, discard: Bool = false) -> Bool {
    let first = state.with { state -> Bool in
      if discard { state.count = 0 }
      guard state.end == nil else { return false }
      state.end = end
      return true
    }
    flush()
    return first
  }

  // MARK: The reader

  func read(into target: UnsafeMutableRawBufferPointer) -> Read {
    enum Step {
      case copy(from: Int, count: Int)
      case done(Read)
    }
    let step = state.with { state -> Step in
      if state.count > 0 { return .copy(from: state.start, count: min(state.count, target.count)) }
      if let end = state.end { return .done(.end(end)) }
      let waiter = Handoff<Void>()
      state.waiter = waiter
      return .done(.wait(waiter))
    }
    guard case .copy(let from, let count) = step else {
      if case .done(let read) = step { return read }
      return .bytes(0, resume: false)
    }
    guard let base = target.baseAddress, count > 0 else { return .bytes(0, resume: false) }
    let first = min(count, capacity - from)
    base.copyMemory(from: memory + from, byteCount: first)
    if first < count { (base + first).copyMemory(from: memory, byteCount: count - first) }
    let resume = state.with { state -> Bool in
      state.start = (state.start + count) % capacity
      // A close by another task in the meantime has already dropped all.
      state.count = max(0, state.count - count)
      guard state.paused, capacity - state.count >= capacity / 2 else { return false }
      state.paused = false
      return true
    }
    return .bytes(count, resume: resume)
  }
}
