internal import Model

/// A moment after which waiting ends. Monotonic: a clock that is set does not move it.
public struct Deadline: Sendable, Hashable {
  /// The moment, nil for never.
  public let instant: ContinuousClock.Instant?

  /// A deadline at `instant`; nil means none.
  public init(_ instant: ContinuousClock.Instant?) { self.instant = instant }

  /// No deadline.
  public static let never = Deadline(nil)

  /// `duration` from now.
  public static func after(_ duration: Duration) -> Deadline { Deadline(ContinuousClock.now + duration) }

  /// The earlier of this and `duration` from now.
  public func capped(_ duration: Duration) -> Deadline {
    let other = ContinuousClock.now + duration
    guard let instant else { return Deadline(other) }
    return Deadline(min(instant, other))
  }

  /// Whether it has passed.
  public var hasPassed: Bool { instant.map { $0 <= ContinuousClock.now } ?? false }

  /// The time that is left, 0 at least; nil for no deadline.
  public var remaining: Duration? { instant.map { max(.zero, $0 - ContinuousClock.now) } }

  /// Throws `timeout` with `what` once it has passed, `CancellationError` when the task is cancelled.
  public func check(_ what: @autoclosure () -> String) throws {
    try Task.checkCancellation()
    if hasPassed { throw SlipwayError(.timeout, "the deadline passed while \(what())", hint: "give more time with --deadline") }
  }

  /// Sleeps until it; forever (until cancelled) when there is none.
  public func sleep() async throws {
    if let instant {
      try await Task.sleep(until: instant, clock: .continuous)
    } else {
      while true { try await Task.sleep(for: .seconds(3600)) }
    }
  }
}
