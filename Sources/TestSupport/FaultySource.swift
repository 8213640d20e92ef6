public import Model
public import Runtime
public import Transfer

/// A source that behaves like another, but for the faults that a test asks for.
///
/// Reads are counted from 0 in the order in which their ranges are first asked for; another attempt at a range keeps its number.
public final class FaultySource: RandomAccessSource {
  /// What goes wrong.
  public enum Fault: Sendable {
    /// Every read takes a random time up to this.
    case delay(upTo: Duration)
    /// Read `number` fails with `code`, `times` times.
    case fail(_ number: Int, times: Int, code: ErrorCode)
    /// Read `number` delivers half of its bytes and says so, `times` times.
    case short(_ number: Int, times: Int)
    /// Read `number` never ends, until its task is cancelled.
    case hang(_ number: Int)
    /// Read `number` never ends, whatever happens, until `release` is called.
    case deaf(_ number: Int)
    /// Read `number` throws `timeout` once, keeps the buffer, and fills it with rubbish just after the next attempt has succeeded.
    case late(_ number: Int)
    /// Asking for extents fails with `code`, `times` times.
    case failExtents(times: Int, code: ErrorCode)
    /// The last extents reach this many bytes beyond the size.
    case tooFar(Int64)
    /// Asking for extents never ends, until its task is cancelled.
    case hangExtents
  }

  private struct State: Sendable {
    var numbers: [Int64: Int] = [:]
    var attempts: [Int: Int] = [:]
    var extentAttempts = 0
    var generator: SplitMix64
    var kept: Buffer?
  }

  public let size: Int64
  private let base: any RandomAccessSource
  private let faults: [Fault]
  private let state: Locked<State>
  private let gate = Handoff<Void>()

  /// `base` with `faults`; `size` is what it claims, the truth when not given.
  public init(_ base: any RandomAccessSource, _ faults: Fault..., size: Int64? = nil, seed: UInt64 = 1) {
    self.base = base
    self.faults = faults
    self.size = size ?? base.size
    state = Locked(State(generator: SplitMix64(seed: seed)))
  }

  /// How many times range `number` was asked for.
  public func attempts(of number: Int) -> Int { state.with { $0.attempts[number] ?? 0 } }
  /// How many times extents were asked for.
  public var extentAttempts: Int { state.with { $0.extentAttempts } }
  /// How many ranges were asked for.
  public var ranges: Int { state.with { $0.numbers.count } }
  /// Lets a `deaf` read end.
  public func release() { gate.fulfill(.success(())) }

  public func extents(from offset: Int64, to end: Int64) async throws -> [Extent] {
    let attempt = state.with { state -> Int in
      state.extentAttempts += 1
      return state.extentAttempts
    }
    var beyond: Int64 = 0
    for fault in faults {
      switch fault {
      case .failExtents(let times, let code) where attempt <= times: throw SlipwayError(code, "extents failed, attempt \(attempt)")
      case .hangExtents: try await Deadline.never.sleep()
      case .tooFar(let bytes) where end == size: beyond = bytes
      default: break
      }
    }
    var extents = try await base.extents(from: offset, to: end)
    if beyond > 0 { extents.append(Extent(offset: end, length: beyond, isData: true)) }
    return extents
  }

  public func read(at offset: Int64, length: Int, into buffer: Buffer) async throws {
    let (number, attempt, dice) = state.with { state -> (Int, Int, UInt64) in
      let number = state.numbers[offset] ?? state.numbers.count
      state.numbers[offset] = number
      let attempt = (state.attempts[number] ?? 0) + 1
      state.attempts[number] = attempt
      return (number, attempt, state.generator.next())
    }
    for fault in faults {
      switch fault {
      case .delay(let longest): try await Task.sleep(for: longest * (Double(dice % 1024) / 1024))
      case .fail(number, let times, let code) where attempt <= times:
        throw SlipwayError(code, "read \(number) failed, attempt \(attempt)")
      case .short(number, let times) where attempt <= times:
        try await base.read(at: offset, length: length / 2, into: buffer)
        throw SlipwayError(.sourceFailed, "read \(number) brought \(length / 2) of \(length) bytes")
      case .hang(number): try await Deadline.never.sleep()
      case .deaf(number): try await gate.value()
      case .late(number) where attempt == 1:
        state.with { $0.kept = buffer }
        throw SlipwayError(.timeout, "read \(number) took too long")
      default: break
      }
    }
    try await base.read(at: offset, length: length, into: buffer)
    for case .late(number) in faults {
      guard let kept = state.with({ $0.kept }) else { continue }
      for index in 0..<length { kept.memory[index] = 0xBD }
      state.with { $0.kept = nil }
    }
  }
}
