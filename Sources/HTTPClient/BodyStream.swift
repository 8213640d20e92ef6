public import Runtime

/// A response whose body is read piece by piece. While nobody reads, the transfer pauses; memory stays within the client's `bufferBytes`.
///
/// One reader at a time. It ends by reading to the end, by `close`, or with its last reference; only the first two are orderly.
public final class BodyStream: Sendable {
  /// Status and header fields.
  public let head: HTTPHead
  private let transfer: Transfer
  private let engine: Engine

  init(head: HTTPHead, transfer: Transfer, engine: Engine) {
    self.head = head
    self.transfer = transfer
    self.engine = engine
  }

  deinit { close() }

  /// Waits for bytes and copies at most `target.count` of them. 0 means the declared end was reached (or `target` is empty).
  ///
  /// Throws `HTTPError`: `truncated` when the body ended early, `stalled`, `timeout`, and `cancelled` after `close` or when the task is
  /// cancelled, which also ends the transfer.
  public func next(into target: UnsafeMutableRawBufferPointer) async throws -> Int {
    guard !target.isEmpty else { return 0 }
    while true {
      if Task.isCancelled { close() }
      switch transfer.pipe.read(into: target) {
      case .bytes(let count, let resume):
        if resume { engine.post(.resume(transfer)) }
        return count
      case .end(.finished): return 0
      case .end(.failed(let error)): throw error
      case .wait(let waiter):
        try await withTaskCancellationHandler {
          try await waiter.value()
        } onCancel: {
          close()
        }
      }
    }
  }

  /// As above, into `buffer` from `offset` on, at most `count` bytes (default: what is left of it).
  public func next(into buffer: Buffer, at offset: Int = 0, count: Int? = nil) async throws -> Int {
    let room = max(0, buffer.memory.count - offset)
    let slice = UnsafeMutableRawBufferPointer(rebasing: buffer.memory[offset..<(offset + min(room, count ?? room))])
    return try await next(into: slice)
  }

  /// Reads the rest, at most `limit` bytes. Throws `tooLarge` beyond, and as `next`.
  public func collect(upTo limit: Int) async throws -> [UInt8] {
    if let length = head.contentLength, length > limit, transfer.request.method != .head { throw tooLarge(limit) }
    var body: [UInt8] = []
    let buffer = Buffer(capacity: 64 << 10)
    while true {
      let count = try await next(into: buffer)
      if count == 0 { return body }
      guard body.count + count <= limit else { throw tooLarge(limit) }
      body.append(contentsOf: buffer.memory[..<count])
    }
  }

  /// Ends the transfer, wherever it is; a waiting `next` throws `cancelled`. May be called more than once, from any thread.
  public func close() {
    let error = HTTPError(.cancelled, url: transfer.request.url, "closed by the reader")
    if transfer.pipe.end(.failed(error), discard: true) { engine.post(.cancel(transfer)) }
  }

  private func tooLarge(_ limit: Int) -> HTTPError {
    close()
    return HTTPError(.tooLarge, url: transfer.request.url, "the answer is larger than \(limit) bytes")
  }
}
