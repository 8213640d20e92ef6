public import Model
public import Runtime
public import Transfer

/// An image as a stream, in steps of random length.
public final class StreamSource: SequentialSource {
  /// How the stream behaves once it comes to `at` bytes.
  public enum Fault: Sendable {
    /// It ends there.
    case end(at: Int64)
    /// It fails there.
    case fail(at: Int64, code: ErrorCode)
    /// It hangs there, until cancelled.
    case hang(at: Int64)
  }

  private struct State: Sendable {
    var position: Int64 = 0
    var generator: SplitMix64
  }

  public let size: Int64?
  private let image: SparseRandomImage
  private let fault: Fault?
  private let longest: Int
  private let state: Locked<State>

  /// `image` in steps of 1 to `longest` bytes; `size` is what it announces.
  public init(_ image: SparseRandomImage, size: Int64?, longest: Int = 20_000, fault: Fault? = nil, seed: UInt64 = 1) {
    self.image = image
    self.size = size
    self.longest = longest
    self.fault = fault
    state = Locked(State(generator: SplitMix64(seed: seed)))
  }

  public func next(into buffer: Buffer, from start: Int) async throws -> Int {
    var end = image.size
    let (position, step) = state.with { ($0.position, Int.random(in: 1...longest, using: &$0.generator)) }
    switch fault {
    case .end(let at): end = min(end, at)
    case .fail(let at, let code):
      if position >= at { throw SlipwayError(code, "the stream broke at \(position)") }
      end = min(end, at)
    case .hang(let at):
      if position >= at { try await Deadline.never.sleep() }
      end = min(end, at)
    case nil: break
    }
    let count = Int(min(Int64(min(step, buffer.memory.count - start)), end - position))
    guard count > 0 else { return 0 }
    image.fill(UnsafeMutableRawBufferPointer(rebasing: buffer.memory[start..<start + count]), from: position)
    state.with { $0.position += Int64(count) }
    return count
  }
}
