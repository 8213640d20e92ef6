public import HTTPClient
internal import Model
public import Runtime
public import Transfer

/// An HTTP body as a source, resumed where the server can: a break in mid-stream asks for the rest, a bounded number of times.
public final class BodySource: SequentialSource {
  /// Opens the body from a byte on. A response to an offset above 0 counts only when it is 206 and starts there.
  public typealias Open = @Sendable (Int64) async throws -> BodyStream

  private struct State: Sendable {
    var stream: BodyStream?
    var position: Int64 = 0
    var attempts = 0
  }

  /// The size in bytes that was told, by whoever described the image or by the response.
  public let size: Int64?
  private let object: String
  private let retries: Int
  private let open: Open
  private let state: Locked<State>

  /// A source for `object` (for messages) whose body `open` opens; `first` is the stream from byte 0 where it is open already.
  public init(object: String, size: Int64?, first: BodyStream? = nil, retries: Int = 4, open: @escaping Open) {
    self.object = object
    self.size = size ?? first?.head.contentLength
    self.retries = retries
    self.open = open
    state = Locked(State(stream: first))
  }

  public func next(into buffer: Buffer, from start: Int) async throws -> Int {
    while true {
      do {
        let stream = try await current()
        let count = try await stream.next(into: buffer, at: start)
        state.with {
          $0.position += Int64(count)
          if count > 0 { $0.attempts = 0 }
        }
        if count == 0, let size, state.with({ $0.position }) < size {
          throw HTTPError(.truncated, url: object, "the body ended after \(state.with { $0.position }) of \(size) bytes")
        }
        return count
      } catch let error as HTTPError where error.isTransient {
        try Task.checkCancellation()
        let attempt = state.with { state -> Int in
          state.stream?.close()
          state.stream = nil
          state.attempts += 1
          return state.attempts
        }
        guard attempt <= retries else { throw failure(error) }
        try await Task.sleep(for: .milliseconds(200 << min(attempt - 1, 4)))
      } catch let error as HTTPError {
        if error.kind == .cancelled { throw CancellationError() }
        throw failure(error)
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

  /// The open stream, or a new one from where we are.
  private func current() async throws -> BodyStream {
    let (stream, position) = state.with { ($0.stream, $0.position) }
    if let stream { return stream }
    let opened = try await open(position)
    if position > 0 {
      guard opened.head.status == 206, opened.head.rangeStart == position else {
        opened.close()
        throw SlipwayError(
          .sourceFailed, "the transfer of \(object) broke off after \(position) bytes and its server cannot resume", object: object,
          hint: "try again")
      }
    }
    state.with { $0.stream = opened }
    return opened
  }

  private func failure(_ error: HTTPError) -> SlipwayError { error.slipwayError(.sourceFailed) }
}
