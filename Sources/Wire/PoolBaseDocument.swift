public import Model

/// One base in a pool, in `slipway cache list --json` and `cache show --json`.
public struct PoolBaseDocument: Codable, Sendable, Hashable {
  /// The RBD image's name, the same in every cluster for the same image.
  public var name: String
  /// Where disks are cloned from: `pool/image@snapshot`.
  public var path: String
  /// The tier in which it lies; `default` for `bases.pool`.
  public var tier: String
  /// The images that it was made and used for.
  public var images: [String]
  /// The image's own format; the base is raw.
  public var sourceFormat: String
  /// Size in bytes that a guest sees.
  public var virtualSize: Int64
  /// Bytes that were written, before replication.
  public var allocated: Int64
  /// The way by which its bytes came.
  public var route: String
  /// The location they came from, without credentials.
  @Nullable public var source: String?
  /// What was verified.
  public var evidence: EvidenceDocument
  /// When it was published, RFC 3339.
  public var created: String
  /// The host that made it.
  public var madeOn: String
  /// When a disk was last made from it, RFC 3339.
  public var lastUsed: String
  /// How many requests it served without an import.
  public var hits: Int64
  /// An operator's claim that holds now, null for none.
  @Nullable public var pin: PinDocument.Pin?
  /// The disks that stand on it, `pool/image` each; null unless one image's bases are shown.
  @Nullable public var disks: [String]?
  /// What cleaning would do with it now; null unless one image's bases are shown.
  @Nullable public var clean: BaseDocument.CleanState?

  enum CodingKeys: String, CodingKey {
    case name, path, tier, images
    case sourceFormat = "source_format"
    case virtualSize = "virtual_size"
    case allocated, route, source, evidence, created
    case madeOn = "made_on"
    case lastUsed = "last_used"
    case hits, pin, disks, clean
  }

  /// A base's document.
  public init(
    name: String, path: String, tier: String, images: [String], sourceFormat: String, virtualSize: Int64, allocated: Int64, route: Route,
    source: String?,
    evidence: Evidence, created: String, madeOn: String, lastUsed: String, hits: Int64, pin: PinDocument.Pin?, disks: [String]?,
    clean: BaseDocument.CleanState?
  ) {
    self.name = name
    self.path = path
    self.tier = tier
    self.images = images
    self.sourceFormat = sourceFormat
    self.virtualSize = virtualSize
    self.allocated = allocated
    self.route = route.rawValue
    self.source = source
    self.evidence = EvidenceDocument(evidence)
    self.created = created
    self.madeOn = madeOn
    self.lastUsed = lastUsed
    self.hits = hits
    self.pin = pin
    self.disks = disks
    self.clean = clean
  }
}

/// The bases in the pool, part of `slipway cache list --json` and `cache show --json`.
public struct PoolBasesDocument: Codable, Sendable, Hashable {
  /// The name of `bases.pool`, or where that is missing of the first tier's pool.
  public var pool: String
  /// By name; the tiers in their order.
  public var bases: [PoolBaseDocument]
  /// Why it could not be looked into, null when it was.
  @Nullable public var unavailable: ErrorDocument.Body?

  /// A pool's bases.
  public init(pool: String, bases: [PoolBaseDocument], unavailable: SlipwayError?) {
    self.pool = pool
    self.bases = bases
    self.unavailable = unavailable.map { ErrorDocument($0).error }
  }
}

/// What became of the bases in the pool, part of `slipway cache clean --json` and `cache purge --json`.
public struct PoolCleanDocument: Codable, Sendable, Hashable {
  /// A deletion that was asked for earlier and could not be finished then.
  public struct Deletion: Codable, Sendable, Hashable {
    /// The pool.
    public var pool: String
    /// The RBD image's id, by which alone it is known.
    public var imageID: String
    /// The name that it had.
    public var name: String
    /// When it was asked for, RFC 3339.
    public var asked: String
    /// Whether it is gone now.
    public var removed: Bool
    /// What holds it, null when nothing does.
    @Nullable public var detail: String?

    enum CodingKeys: String, CodingKey {
      case pool
      case imageID = "image_id"
      case name, asked, removed, detail
    }

    /// A deletion.
    public init(pool: String, imageID: String, name: String, asked: String, removed: Bool, detail: String?) {
      self.pool = pool
      self.imageID = imageID
      self.name = name
      self.asked = asked
      self.removed = removed
      self.detail = detail
    }
  }

  /// An image that was uploaded, or was to be, and of which something is left to do.
  public struct Upload: Codable, Sendable, Hashable {
    /// The image.
    public var image: String
    /// The disk that it was made of: `pool/image`, or the directory of local disks.
    public var source: String
    /// What is left: `making`, `registering`, `flatten` or `linked`.
    public var stage: String
    /// When it began, RFC 3339; null where it is not noted.
    @Nullable public var began: String?
    /// Whether nothing is left now.
    public var done: Bool
    /// What it waits for, null when for nothing.
    @Nullable public var detail: String?

    /// An upload.
    public init(image: ImageID, source: String, stage: String, began: String?, done: Bool, detail: String?) {
      self.image = image.text
      self.source = source
      self.stage = stage
      self.began = began
      self.done = done
      self.detail = detail
    }
  }

  /// A pool of bases, as the cleaning left it, or would.
  public struct Pool: Codable, Sendable, Hashable {
    /// Its name.
    public var pool: String
    /// The tier; `default` for `bases.pool`.
    public var tier: String
    /// How many bases are in it.
    public var count: Int
    /// Bytes that they take, before replication.
    public var allocated: Int64
    /// Bytes of bases that went and are not free yet, since disks stand on them.
    public var pending: Int64
    /// Limits that stay exceeded.
    public var unmet: [String]

    /// A pool.
    public init(pool: String, tier: String, count: Int, allocated: Int64, pending: Int64, unmet: [String]) {
      self.pool = pool
      self.tier = tier
      self.count = count
      self.allocated = allocated
      self.pending = pending
      self.unmet = unmet
    }
  }

  /// The name of `bases.pool`, or where that is missing of the first tier's pool; null where there is none.
  @Nullable public var pool: String?
  /// The tiers in their order.
  public var pools: [Pool]
  /// In the order in which they went.
  public var evicted: [CleanDocument.Evicted]
  /// By name.
  public var kept: [CleanDocument.Kept]
  /// By name.
  public var failed: [CleanDocument.Failed]
  /// Bytes that came free in the pool, before replication, or would.
  public var reclaimed: Int64
  /// Limits that stay exceeded, since what exceeds them may not go: `over_size`, `over_count`.
  public var unmet: [String]
  /// Deletions that were taken up again; in a dry run those that would be.
  public var deletions: [Deletion]
  /// Uploads that were taken up again; in a dry run those that would be.
  public var uploads: [Upload]
  /// Why a pool could not be looked into, null when it was.
  @Nullable public var unavailable: ErrorDocument.Body?

  /// A report.
  public init(
    pool: String?, pools: [Pool], evicted: [CleanDocument.Evicted], kept: [CleanDocument.Kept], failed: [CleanDocument.Failed],
    unmet: [String],
    deletions: [Deletion], uploads: [Upload] = [], unavailable: SlipwayError?
  ) {
    self.uploads = uploads
    self.pool = pool
    self.pools = pools
    self.evicted = evicted
    self.kept = kept
    self.failed = failed
    reclaimed = evicted.reduce(0) { $0 + $1.reclaimed }
    self.unmet = unmet
    self.deletions = deletions
    self.unavailable = unavailable.map { ErrorDocument($0).error }
  }
}
