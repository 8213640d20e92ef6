/// One answer, and how it fails.
public struct FaultReply: Sendable {
  /// The status code.
  public var status: Int
  /// Header fields beside `Content-Length`.
  public var headers: [(String, String)]
  /// The body; for large ones, `repeats` times.
  public var body: [UInt8]
  /// How often the body is sent.
  public var repeats = 1
  /// What `Content-Length` claims; nil for the truth, negative for no such field.
  public var claimed: Int?
  /// Sent with chunked encoding; a `cut` then leaves the last chunk out.
  public var chunked = false
  /// Seconds before the first header byte.
  public var delay: Double = 0
  /// Seconds between header lines.
  public var drip: Double = 0
  /// Body bytes after which the connection closes.
  public var cut: Int?
  /// Body bytes after which nothing more comes, the connection staying open.
  public var hang: Int?
  /// These bytes instead of an HTTP answer, then the connection closes.
  public var raw: [UInt8]?

  /// An answer.
  public init(_ status: Int = 200, _ headers: [(String, String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An answer with a JSON text.
  public static func json(_ text: String, status: Int = 200, headers: [(String, String)] = []) -> FaultReply {
    FaultReply(status, headers + [("Content-Type", "application/json")], body: Array(text.utf8))
  }

  /// The same with a change.
  public func with(_ change: (inout FaultReply) -> Void) -> FaultReply {
    var copy = self
    change(&copy)
    return copy
  }
}
