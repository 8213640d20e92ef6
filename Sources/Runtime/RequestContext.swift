public import Logging
public import Model

/// What goes with a request from the verb to the handle: its id, its logger, its deadline, its priority and who listens to its progress.
public struct RequestContext: Sendable {
  /// Who goes first when bytes or threads are short.
  public enum Priority: Int, Sendable, Comparable {
    case scrub, prewarm, spawn
    public static func < (a: Priority, b: Priority) -> Bool { a.rawValue < b.rawValue }
  }

  /// A short random id, in every log line and on the wire (`X-OpenStack-Request-ID`: `req-` and a UUID).
  public let id: String
  /// Logs with the request's metadata.
  public var logger: Logger
  /// When the caller stops waiting.
  public var deadline: Deadline
  /// Who goes first.
  public var priority: Priority
  /// Told about progress, from any thread; must return at once.
  public var progress: @Sendable (Progress) -> Void

  /// A context. `id` is made up when not given.
  public init(
    id: String? = nil, logger: Logger, deadline: Deadline = .never, priority: Priority = .spawn,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    let id = id ?? RequestContext.makeID()
    self.id = id
    var logger = logger
    logger[metadataKey: "request"] = "\(id)"
    self.logger = logger
    self.deadline = deadline
    self.priority = priority
    self.progress = progress
  }

  private static func makeID() -> String {
    var generator = SystemRandomNumberGenerator()
    let hex = (0..<4).map { _ in String(UInt32.random(in: 0...UInt32.max, using: &generator), radix: 16) }
    let padded = hex.map { String(repeating: "0", count: 8 - $0.count) + $0 }.joined()
    let digits = Array(padded)
    let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
    return "req-" + groups.joined(separator: "-")
  }
}
