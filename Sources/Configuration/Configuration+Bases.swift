public import Model

extension Configuration {
  /// Bases in pools.
  public struct Bases: Sendable, Hashable {
    /// What becomes of a base that is to go while disks stand on it.
    public enum Used: String, Sendable, Hashable {
      /// It stays.
      case keep
      /// It moves to the trash, and its disks live on.
      case trash
    }

    /// The cluster's name.
    public var cluster: String
    /// What becomes of a base that is to go while disks stand on it.
    public var onUsed: Used
    /// The pools: the tiers in the order in which their rules are asked, then the one that takes what no rule does.
    public var tiers: [Tier]

    /// The pool that takes what no rule does.
    public var rest: Tier { tiers[tiers.count - 1] }

    init(_ reader: Reader) throws(SlipwayError) {
      cluster = try reader.string("bases.cluster")
      onUsed = try reader.word("bases.on_used")
      tiers = []
      for mapping in try reader.mappings("bases.tiers") { tiers.append(try Tier(mapping)) }
      tiers.append(
        Tier(
          name: Tier.rest, pool: try reader.string("bases.pool"), dataPool: try reader.optionalString("bases.data_pool"),
          maxBytes: try reader.limit("bases.max_bytes"), maxCount: try reader.int("bases.max_count")))
    }

    /// The tier with bases in that pool.
    public func tier(pool: String) -> Tier? { tiers.first { $0.pool == pool } }
  }

  /// A pool of bases with limits of its own, and the images that belong there.
  public struct Tier: Sendable, Hashable {
    /// What the pool that takes what no rule does is called by those who ask for it.
    public static let rest = "default"

    /// Its name, by which a request may ask for it.
    public var name: String
    /// The pool.
    public var pool: String
    /// The pool for their data, nil for the same.
    public var dataPool: String?
    /// Limit on their bytes, nil for none.
    public var maxBytes: ByteCount?
    /// Limit on their number, 0 for none.
    public var maxCount: Int
    /// The largest image that belongs there, by what a guest sees; nil for any.
    public var maxImage: ByteCount?
    /// The projects whose images belong there, nil for all.
    public var owners: [String]?
    /// Tags of which an image must have one to belong there, nil for any image.
    public var tags: [String]?

    init(_ reader: Reader) throws(SlipwayError) {
      name = try reader.string("name")
      pool = try reader.string("pool")
      dataPool = try reader.optionalString("data_pool")
      maxBytes = try reader.limit("max_bytes")
      maxCount = try reader.int("max_count")
      maxImage = try reader.limit("max_image")
      owners = try reader.optionalStrings("owners")
      tags = try reader.optionalStrings("tags")
    }

    init(name: String, pool: String, dataPool: String?, maxBytes: ByteCount?, maxCount: Int) {
      self.name = name
      self.pool = pool
      self.dataPool = dataPool
      self.maxBytes = maxBytes
      self.maxCount = maxCount
    }

    /// Whether an image belongs there by rule: every condition that is given holds. Without any the tier is only asked for by name.
    public func takes(_ image: ImageDescription) -> Bool {
      guard maxImage != nil || owners != nil || tags != nil else { return false }
      if let maxImage {
        guard let size = image.knownVirtualSize, size <= maxImage else { return false }
      }
      if let owners {
        guard let owner = image.owner, owners.contains(owner) else { return false }
      }
      if let tags, !tags.contains(where: image.tags.contains) { return false }
      return true
    }
  }
}
