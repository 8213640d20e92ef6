public import Model

/// A base that is ready: verified, with the one snapshot from which every disk is cloned.
public struct PoolBase: Sendable, Hashable {
  /// The name of the one snapshot.
  public static let snapshot = "base"

  /// What is known of it.
  public var record: PoolBaseRecord
  /// Where it is cloned from.
  public var location: RBDLocation
  /// What tells this snapshot from every other one: fsid, pool id, image id, snapshot id.
  public var version: String
  /// Size of the snapshot in bytes.
  public var size: Int64
  /// log2 of its object size.
  public var order: Int32
  /// How it is used.
  public var usage: PoolBaseUsage

  /// Its name.
  public var name: PoolBaseName { record.name }
  /// Its place for people: `pool/image@snapshot`.
  public var path: String { "\(location.pool)/\(location.image)@\(location.snapshot)" }
  /// Bytes that it takes in its pool, before replication.
  public var allocated: ByteCount { ByteCount(record.tally.written) }
}

/// How a base is used, as all hosts tell it together.
public struct PoolBaseUsage: Sendable, Hashable {
  /// An operator's claim.
  public struct Pin: Sendable, Hashable, Codable {
    /// Why, in the operator's words.
    public var note: String?
    /// Since when, seconds since 1970.
    public var created: Int64
    /// From when on it holds no more, nil for never.
    public var expires: Int64?
  }

  /// When a disk was last made from it, seconds since 1970.
  public var lastUse: Int64
  /// How many requests it served without an import; hosts that count at the same moment may count one.
  public var hits: Int64
  /// An operator's claim, whether it holds still or not.
  public var pin: Pin?
  /// The images that it was used for, further than the one that it was made for.
  public var images: [ImageID]
  /// Whether somebody works on it: imports, verifies or removes it.
  public var isClaimed = false
}
