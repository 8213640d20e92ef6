/// An operator's lasting claim on a base: it is not evicted until the pin is taken away or expires.
public struct Pin: Sendable, Hashable, Codable {
  /// The version of the file that we write.
  public static let currentVersion = 1
  /// The file's version.
  public var version: Int
  /// Why, in the operator's words.
  public var note: String?
  /// Since when, seconds since 1970.
  public var created: Int64
  /// The second since 1970 from which on it holds no more; nil for never.
  public var expires: Int64?

  init(note: String?, created: Int64, expires: Int64?) {
    version = Pin.currentVersion
    self.note = note
    self.created = created
    self.expires = expires
  }

  /// Whether it holds at `time`, seconds since 1970.
  public func holds(at time: Int64) -> Bool { expires.map { $0 > time } ?? true }
}
