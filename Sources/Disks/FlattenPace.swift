internal import Glibc
internal import Runtime

/// Holds a flattening to a rate: librbd asks after each object whether to go on, and is kept waiting.
final class FlattenPace: Sendable {
  private let rate: Int64
  private let perObject: Int64
  let start = ContinuousClock.now

  /// `rate` in bytes per second; `perObject` is what one object holds on average.
  init(rate: Int64, perObject: Int64) {
    self.rate = max(1, rate)
    self.perObject = perObject
  }

  /// How long until that many objects may be done.
  func rest(objects: Int64, now: ContinuousClock.Instant) -> Duration {
    let due = Double(objects) * Double(perObject) / Double(rate)
    return max(.zero, .seconds(due) - (now - start))
  }

  /// Waits on the calling thread, librbd's own: never so long that its client could be taken for dead.
  func wait(objects: Int64) {
    let rest = min(rest(objects: objects, now: .now), .seconds(2))
    guard rest > .zero else { return }
    let (seconds, attoseconds) = rest.components
    usleep(UInt32(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
  }
}
