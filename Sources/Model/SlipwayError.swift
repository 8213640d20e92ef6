/// The one error type that leaves a room: a code from the closed set, and one sentence that names the object and the reason.
///
/// `hint` says what to do. A message never carries a key, a token or a password; whoever makes one from foreign text redacts it first.
public struct SlipwayError: Error, Sendable, CustomStringConvertible {
  /// What kind of failure, from the closed set.
  public var code: ErrorCode
  /// One sentence, without a final full stop: the object and the reason.
  public var message: String
  /// The object that the sentence is about (an image id, a path, a URL without credentials), if there is one.
  public var object: String?
  /// What the reader can do, an imperative sentence without a final full stop.
  public var hint: String?
  /// What lay beneath, for logs.
  public var cause: (any Error)?

  /// Makes an error; `message` names `object` and the reason, `hint` says what to do.
  public init(_ code: ErrorCode, _ message: String, object: String? = nil, hint: String? = nil, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.object = object
    self.hint = hint
    self.cause = cause
  }

  /// The sentence for people: the message, and the hint after a semicolon.
  public var description: String { hint.map { "\(message); \($0)" } ?? message }

  /// Any error as one of ours: cancellation keeps its own code, everything foreign is `internal`.
  public static func wrap(_ error: any Error) -> SlipwayError {
    if let ours = error as? SlipwayError { return ours }
    if error is CancellationError { return SlipwayError(.cancelled, "cancelled") }
    return SlipwayError(.internalError, "unexpected failure: \(error)", cause: error)
  }
}
