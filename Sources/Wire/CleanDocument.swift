public import Model

/// What `slipway cache clean --json` and `cache purge --json` print.
public struct CleanDocument: Codable, Sendable, Hashable {
  /// A base that went, or would go in a dry run.
  public struct Evicted: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// The images that it was fetched for.
    public var images: [String]
    /// The rule that chose it: `image_gone`, `unused`, `over_size`, `low_space`, `over_count`, `purge`.
    public var rule: String
    /// More about the rule, one clause.
    @Nullable public var detail: String?
    /// Bytes that came free on disk (allocated, not apparent), or would.
    public var reclaimed: Int64

    /// A base that went.
    public init(name: String, path: String, images: [String], rule: String, detail: String?, reclaimed: Int64) {
      self.name = name
      self.path = path
      self.images = images
      self.rule = rule
      self.detail = detail
      self.reclaimed = reclaimed
    }
  }

  /// A base that stays.
  public struct Kept: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// The images that it was fetched for.
    public var images: [String]
    /// Why: `not_ours`, `pinned`, `leased`, `in_use`, `unreadable_disk`, `young`, `blocked`, `not_needed`.
    public var reason: String
    /// By whom, until when; one clause.
    @Nullable public var detail: String?

    /// A base that stays.
    public init(name: String, path: String, images: [String], reason: String, detail: String?) {
      self.name = name
      self.path = path
      self.images = images
      self.reason = reason
      self.detail = detail
    }
  }

  /// A base that was to go, and an error kept it.
  public struct Failed: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// Why it is still there.
    public var error: ErrorDocument.Body

    /// A base that could not go.
    public init(name: String, path: String, error: SlipwayError) {
      self.name = name
      self.path = path
      self.error = ErrorDocument(error).error
    }
  }

  /// A damaged base whose time in quarantine is over.
  public struct Quarantined: Codable, Sendable, Hashable {
    /// Where it lay.
    public var path: String
    /// The file's name when it was a base; null when nothing tells.
    @Nullable public var name: String?
    /// Why it was there, one clause.
    public var reason: String
    /// Since when.
    public var since: String
    /// Bytes that came free on disk, or would.
    public var reclaimed: Int64

    /// One that went.
    public init(path: String, name: String?, reason: String, since: String, reclaimed: Int64) {
      self.path = path
      self.name = name
      self.reason = reason
      self.since = since
      self.reclaimed = reclaimed
    }
  }

  /// A disk, or a directory of disks, that could not be read.
  public struct Unreadable: Codable, Sendable, Hashable {
    /// Its path.
    public var path: String
    /// What is wrong with it, one clause.
    public var problem: String
    /// The files that it may stand on, null when that may be any: then every base stays.
    @Nullable public var mayReferTo: [String]?

    enum CodingKeys: String, CodingKey {
      case path, problem
      case mayReferTo = "may_refer_to"
    }

    /// A disk that could not be read.
    public init(path: String, problem: String, mayReferTo: [String]?) {
      self.path = path
      self.problem = problem
      self.mayReferTo = mayReferTo
    }
  }

  /// What the search for disks found.
  public struct Disks: Codable, Sendable, Hashable {
    /// How many files were looked at.
    public var files: Int
    /// How many of them have a backing file.
    public var overlays: Int
    /// Disks that could not be read.
    public var unreadable: [Unreadable]
    /// Files that went while they were looked for.
    public var vanished: [String]
    /// Backing files that disks name and that are not there, each with the disks that need it.
    public var missing: [String: [String]]

    /// The search's result.
    public init(files: Int, overlays: Int, unreadable: [Unreadable], vanished: [String], missing: [String: [String]]) {
      self.files = files
      self.overlays = overlays
      self.unreadable = unreadable
      self.vanished = vanished
      self.missing = missing
    }
  }

  /// Why nothing may go at all.
  public struct Blocked: Codable, Sendable, Hashable {
    /// `shared_file_system`, `libvirt_unreachable`, `scan_incomplete`, `no_leases`, `maintenance`.
    public var reason: String
    /// One sentence.
    public var detail: String

    /// A reason.
    public init(reason: String, detail: String) {
      self.reason = reason
      self.detail = detail
    }
  }

  /// Version of the documents.
  public var version = 1
  /// The store's directory.
  public var store: String
  /// Whether nothing was touched: then `evicted` holds what would go.
  public var dryRun: Bool
  /// In the order in which they went.
  public var evicted: [Evicted]
  /// The oldest first.
  public var quarantine: [Quarantined]
  /// By name.
  public var kept: [Kept]
  /// By name.
  public var failed: [Failed]
  /// Bytes that came free on disk (allocated, not apparent), or would.
  public var reclaimed: Int64
  /// Limits that stay exceeded, since what exceeds them may not go: `over_size`, `low_space`, `over_count`.
  public var unmet: [String]
  /// Why nothing may go at all.
  public var blocked: [Blocked]
  /// What the search for disks found.
  public var disks: Disks
  /// Why the image service was not asked about all images, one sentence.
  @Nullable public var unasked: String?
  /// What became of the bases in the pool.
  public var pool: PoolCleanDocument
  /// How long it took.
  public var seconds: Double

  enum CodingKeys: String, CodingKey {
    case version, store
    case dryRun = "dry_run"
    case evicted, quarantine, kept, failed, reclaimed, unmet, blocked, disks, unasked, pool, seconds
  }

  /// The document.
  public init(
    store: String, dryRun: Bool, evicted: [Evicted], quarantine: [Quarantined], kept: [Kept], failed: [Failed], unmet: [String],
    blocked: [Blocked], disks: Disks,
    unasked: String?, pool: PoolCleanDocument, seconds: Double
  ) {
    self.store = store
    self.dryRun = dryRun
    self.evicted = evicted
    self.quarantine = quarantine
    self.kept = kept
    self.failed = failed
    reclaimed = evicted.reduce(0) { $0 + $1.reclaimed } + quarantine.reduce(0) { $0 + $1.reclaimed }
    self.unmet = unmet
    self.blocked = blocked
    self.disks = disks
    self.unasked = unasked
    self.pool = pool
    self.seconds = seconds
  }
}
