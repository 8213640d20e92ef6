/// A token, password or key. It says nothing of itself in descriptions, dumps and debuggers' summaries.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The text itself; for the request that needs it, nowhere else.
  public let value: String

  /// Keeps `value`.
  public init(_ value: String) { self.value = value }

  public var description: String { "(hidden)" }
  public var debugDescription: String { "(hidden)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
