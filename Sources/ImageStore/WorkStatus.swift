public import Model
public import Runtime

/// What the holder of a base's lock tells about its work, in `locks/<base>.work`: other processes show it to those who wait.
public struct WorkStatus: Sendable, Hashable, Codable {
  /// The version of the file that we write.
  public static let currentVersion = 1
  /// The file's version.
  public var version: Int
  /// The process that works.
  public var owner: ProcessOwner
  /// The request on whose behalf.
  public var request: String
  /// What it does now.
  public var phase: Progress.Phase
  /// Bytes of the image that are done.
  public var position: Int64
  /// The image's size in bytes, nil while unknown.
  public var total: Int64?
  /// Bytes per second lately; nil while nothing moves.
  public var rate: Int64?
  /// When this was written, seconds since 1970.
  public var updated: Int64
}

/// What a waiter is told each time it found the lock taken.
public struct LockWait: Sendable {
  /// How long it has waited.
  public let waited: Duration
  /// How far the one who works is; nil when nobody tells.
  public let work: WorkStatus?
}
