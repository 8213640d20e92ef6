public import HTTPClient
internal import Model
public import Runtime
public import Transfer

/// An HTTP body as a source, resumed where the server can: a break in mid-stream asks for the rest, a bounded number of times. What is resumed
/// is proved to be the same body, so that a transfer never mixes two: where that cannot be, it ends with `source_failed` and begins anew.
public final class BodySource: SequentialSource {
  /// Opens the body from a byte on. A response to an offset above 0 counts only when it is 206 and starts there.
  public typealias Open = @Sendable (Int64) async throws -> BodyStream

  private struct State: Sendable {
    var stream: BodyStream?
    var validator: String?
    var position: Int64 = 0
    /// Breaks since the last byte, and in all.
    var attempts = 0
    var breaks = 0
  }

  /// A request for the rest that failed and may succeed in a moment.
  private struct Refused: Error {
    let cause: SlipwayError
  }

  /// The size in bytes that was told, by whoever described the image or by the response.
  public let size: Int64?
  private let object: String
  private let isImmutable: Bool
  private let retries: Int
  private let pause: Duration
  private let open: Open
  private let state: Locked<State>
  /// Breaks in all: a server that gives a byte and breaks off makes progress without end.
  private static let mostBreaks = 100

  /// A source for `object` (for messages) whose body `open` opens; `first` is the stream from byte 0 where it is open already.
  ///
  /// `isImmutable` says that the bytes behind the URL never change, as those of an image id: then a body without a validator is resumed too.
  /// `retries` are those without a byte between them; the first comes after `pause`, each further one after twice as long, up to 16 times it.
  public init(
    object: String, size: Int64?, first: BodyStream? = nil, isImmutable: Bool = false, retries: Int = 4,
    pause: Duration = .milliseconds(200),
    open: @escaping Open
  ) {
    self.object = object
    self.size = size ?? first?.head.contentLength
    self.isImmutable = isImmutable
    self.retries = retries
    self.pause = pause
    self.open = open
    state = Locked(State(stream: first, validator: first?.head.validator))
  }

  public func next(into buffer: Buffer, from start: Int) async throws -> Int {
    while true {
      do {
        let stream = try await current()
        let count = try await stream.next(into: buffer, at: start)
        let position = state.with { state -> Int64 in
          state.position += Int64(count)
          if count > 0 { state.attempts = 0 }
          return state.position
        }
        if count == 0, let size, position < size {
          throw HTTPError(.truncated, url: object, "the body ended after \(position) of \(size) bytes")
        }
        return count
      } catch let refused as Refused {
        try await rest(orThrow: refused.cause)
      } catch let error as HTTPError {
        if error.kind == .cancelled { throw CancellationError() }
        // All that was announced is here; how the connection ended is of no interest.
        if error.isTransient, let size, state.with({ $0.position }) == size { return 0 }
        guard error.isTransient else { throw failure(error) }
        try await rest(orThrow: failure(error))
      }
    }
  }

  /// Ends the stream.
  public func close() {
    state.with { state in
      state.stream?.close()
      state.stream = nil
    }
  }

  /// Waits before the next attempt, or throws `error` when there is to be none.
  private func rest(orThrow error: SlipwayError) async throws {
    try Task.checkCancellation()
    close()
    let (attempt, breaks) = state.with { state -> (Int, Int) in
      state.attempts += 1
      state.breaks += 1
      return (state.attempts, state.breaks)
    }
    guard attempt <= retries, breaks <= Self.mostBreaks else { throw error }
    try await Task.sleep(for: pause * (1 << min(attempt - 1, 4)))
  }

  /// The open stream, or a new one from where we are.
  private func current() async throws -> BodyStream {
    let (stream, position) = state.with { ($0.stream, $0.position) }
    if let stream { return stream }
    let opened: BodyStream
    do {
      opened = try await open(position)
    } catch let error as SlipwayError where error.code == .sourceFailed || error.code == .imageServiceUnavailable {
      throw Refused(cause: error)
    }
    do {
      try prove(opened.head, continues: position)
    } catch {
      opened.close()
      throw error
    }
    state.with { state in
      state.stream = opened
      if state.validator == nil, position == 0 { state.validator = opened.head.validator }
    }
    return opened
  }

  /// Throws `source_failed` unless `head` belongs to the very body that was begun, from `position` on.
  private func prove(_ head: HTTPHead, continues position: Int64) throws(SlipwayError) {
    let known = state.with { $0.validator }
    if let known, head.validator != known { throw changed(position) }
    guard position > 0 else { return }
    let begun = "the transfer of \(object) broke off after \(position) bytes"
    guard head.status == 206, head.rangeStart == position else {
      throw SlipwayError(.sourceFailed, "\(begun) and its server cannot resume", object: object, hint: "try again")
    }
    if let size, let total = head.rangeTotal, total != size { throw changed(position) }
    guard known != nil || isImmutable else {
      throw SlipwayError(
        .sourceFailed, "\(begun), and without an ETag nothing proves that the rest belongs to them", object: object, hint: "try again")
    }
  }

  private func changed(_ position: Int64) -> SlipwayError {
    SlipwayError(.sourceFailed, "\(object) changed while it was read, after \(position) bytes", object: object, hint: "try again")
  }

  private func failure(_ error: HTTPError) -> SlipwayError { error.slipwayError(.sourceFailed) }
}
