public import Model

/// What the directory says about a name in `bases`.
public enum BaseState: Sendable, Hashable {
  /// There is no such file.
  case absent
  /// The file is there, whole, with evidence that we can read.
  case ready(BaseRecord)
  /// The file is there, but its evidence is missing, unreadable or about another file: no disk may grow from it. One sentence why.
  case damaged(String)
  /// Another program that shares the directory (nova-compute) made it: nothing of ours vouches for it, so no disk of ours grows from it before its
  /// bytes have been held against the image's. One sentence.
  case foreign(String)
  /// A newer Slipway wrote the evidence: not ours to judge. One sentence why.
  case newer(String)
  /// Not one of our names, or no regular file: never touched.
  case unknown

  /// The record, when it is ready.
  public var record: BaseRecord? {
    if case .ready(let record) = self { return record }
    return nil
  }
}

/// How a base was used, by our own record.
public struct BaseUsage: Sendable, Hashable {
  /// How often it was found.
  public var hits: Int
  /// The last time, seconds since 1970; after the catalog was rebuilt, the time of that.
  public var lastUse: Int64
}

/// One name in `bases`.
public struct StoreEntry: Sendable, Hashable {
  /// The name.
  public let name: String
  /// Absolute path.
  public let path: String
  /// What it is.
  public let state: BaseState
  /// Apparent size in bytes.
  public let size: ByteCount
  /// Bytes that it occupies now.
  public let allocated: ByteCount
  /// How it was used, nil when the catalog does not know it.
  public let usage: BaseUsage?
}

/// What `publish` did.
public struct Published: Sendable, Hashable {
  /// The record of the base that is there now.
  public let record: BaseRecord
  /// Absolute path.
  public let path: String
  /// Whether it is the staged one; false when there was one already, which was kept.
  public let isNew: Bool
}
