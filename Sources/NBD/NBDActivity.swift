public import Model
internal import Runtime

/// What goes on in connections, for whoever watches over them: a peer that asks for nothing while nothing is under way has stalled.
public final class NBDActivity: Sendable {
  private struct State: Sendable {
    var inHand = 0
    var last = ContinuousClock.now
    var read: Int64 = 0
    var written: Int64 = 0
    var failure: SlipwayError?
  }
  private let state = Locked(State())

  /// Nothing went on yet.
  public init() {}

  /// How long the peers have asked for nothing; zero while requests are with us.
  public var idle: Duration { state.with { $0.inHand > 0 ? .zero : ContinuousClock.now - $0.last } }
  /// Bytes that peers have read.
  public var read: Int64 { state.with { $0.read } }
  /// Bytes that peers have written, zeros that were told as such left out.
  public var written: Int64 { state.with { $0.written } }
  /// The first error of an export: the reason behind what the peer calls an I/O error.
  public var failure: SlipwayError? { state.with { $0.failure } }

  func begin() {
    state.with { state in
      state.inHand += 1
      state.last = .now
    }
  }

  func end(read: Int = 0, written: Int = 0) {
    state.with { state in
      state.inHand -= 1
      state.last = .now
      state.read += Int64(read)
      state.written += Int64(written)
    }
  }

  func failed(_ error: SlipwayError) { state.with { state in state.failure = state.failure ?? error } }
}
