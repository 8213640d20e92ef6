public import Model
internal import Runtime
public import Transfer

/// An observer that keeps all that it sees, or only counts it.
public final class Recorder: Observer {
  private struct State: Sendable {
    var bytes: [UInt8] = []
    var count: Int64 = 0
    var calls = 0
  }

  private let state = Locked(State())
  private let keeps: Bool
  private let pause: Duration
  private let failing: (at: Int64, code: ErrorCode)?

  /// With `keeps` false only counts; each call takes `pause`; `failing` throws `code` once that many bytes were seen.
  public init(keeps: Bool = true, pause: Duration = .zero, failing: (at: Int64, code: ErrorCode)? = nil) {
    self.keeps = keeps
    self.pause = pause
    self.failing = failing
  }

  /// All bytes, in the order in which they were seen.
  public var bytes: [UInt8] { state.with { $0.bytes } }
  /// How many there were.
  public var count: Int64 { state.with { $0.count } }
  /// How many calls.
  public var calls: Int { state.with { $0.calls } }

  public func update(_ bytes: UnsafeRawBufferPointer) throws {
    try see(Int64(bytes.count)) { if self.keeps { $0.append(contentsOf: bytes) } }
  }

  public func zeros(_ count: Int64) throws {
    try see(count) { if self.keeps { $0.append(contentsOf: Bytes.zeros(Int(count))) } }
  }

  private func see(_ count: Int64, _ keep: (inout [UInt8]) -> Void) throws {
    let end = ContinuousClock.now + pause
    while pause > .zero, ContinuousClock.now < end {}
    let seen = state.with { state -> Int64 in
      keep(&state.bytes)
      state.count += count
      state.calls += 1
      return state.count
    }
    if let failing, seen >= failing.at { throw SlipwayError(failing.code, "the observer refuses the bytes before \(seen)") }
  }
}
