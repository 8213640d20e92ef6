internal import Files
internal import Glibc
internal import Model
public import Runtime

/// What the store tells others about its bases.
extension Store {
  /// Has `body` called after every base that came or went, on the thread that did it: it must return at once.
  public func onChange(_ body: @escaping @Sendable () -> Void) { listener.with { $0 = body } }

  func tellChange() { listener.with { $0 }?() }

  private static let reportName = "reported"

  /// Now, in nanoseconds since 1970: when a change happened that is to be reported.
  public static func moment() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Runs `report` for a change of that moment, unless another process has begun (and finished) a report since: a burst of processes ends in few reports.
  /// False when it was not needed. Throws `timeout`, and what `report` throws.
  @discardableResult
  public func reportOnce(changed: Int64, deadline: Deadline, _ report: () async throws -> Void) async throws -> Bool {
    let lock = try await FileLock.acquire("\(Self.reportName).lock", in: locks, deadline: deadline, pool: pool)
    defer { lock.release() }
    let last = try await pool.run {
      try self.locks.contents(of: Self.reportName, limit: 64).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }
    let start = Self.moment()
    // One from the future is a clock's that was moved back.
    if let last, last > changed, last <= start { return false }
    try await report()
    try await pool.run {
      try self.locks.replace(
        Self.reportName, with: Array("\(start)".utf8), temporary: TemporaryName(.json).text, in: self.temporary, durable: false)
    }
    return true
  }
}
