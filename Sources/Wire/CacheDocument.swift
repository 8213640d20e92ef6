public import Model

/// One base of the store, in `slipway cache list --json` and `cache show --json`.
public struct BaseDocument: Codable, Sendable, Hashable {
  /// The file's name in the store.
  public var name: String
  /// Absolute path.
  public var path: String
  /// The images that it was fetched for.
  public var images: [String]
  /// `qcow2` or `raw`.
  public var format: String
  /// The image's own format.
  public var sourceFormat: String
  /// Size in bytes that a guest sees.
  public var virtualSize: Int64
  /// Bytes allocated on disk.
  public var allocated: Int64
  /// The way by which it came.
  public var route: String
  /// The location it came from, without credentials.
  @Nullable public var source: String?
  /// What was verified.
  public var evidence: EvidenceDocument
  /// When it was published, RFC 3339.
  public var created: String
  /// When it last served a request, RFC 3339.
  @Nullable public var lastUsed: String?
  /// How many requests it served without a transfer.
  public var hits: Int64
  /// `slipway`, or `nova-compute` when it was here and its bytes were held against verified ones.
  public var madeBy: String
  /// An operator's claim that holds now, null for none.
  @Nullable public var pin: PinDocument.Pin?
  /// What cleaning would do with it now; null unless one image's bases are shown.
  @Nullable public var clean: CleanState?

  /// What cleaning would do with a base now.
  public struct CleanState: Codable, Sendable, Hashable {
    /// Whether it would go.
    public var goes: Bool
    /// The rule by which it would go, or the reason for which it stays; the words of [clean](#clean).
    public var why: String
    /// More about it, one clause.
    @Nullable public var detail: String?

    /// A verdict.
    public init(goes: Bool, why: String, detail: String?) {
      self.goes = goes
      self.why = why
      self.detail = detail
    }
  }

  enum CodingKeys: String, CodingKey {
    case name, path, images, format
    case sourceFormat = "source_format"
    case virtualSize = "virtual_size"
    case allocated, route, source, evidence, created
    case lastUsed = "last_used"
    case hits
    case madeBy = "made_by"
    case pin, clean
  }

  /// A base's document.
  public init(
    name: String, path: String, images: [String], format: String, sourceFormat: String, virtualSize: Int64, allocated: Int64, route: Route,
    source: String?, evidence: Evidence, created: String, lastUsed: String?, hits: Int64, madeBy: String = "slipway",
    pin: PinDocument.Pin? = nil, clean: CleanState? = nil
  ) {
    self.name = name
    self.path = path
    self.images = images
    self.format = format
    self.sourceFormat = sourceFormat
    self.virtualSize = virtualSize
    self.allocated = allocated
    self.route = route.rawValue
    self.source = source
    self.evidence = EvidenceDocument(evidence)
    self.created = created
    self.lastUsed = lastUsed
    self.hits = hits
    self.madeBy = madeBy
    self.pin = pin
    self.clean = clean
  }
}

/// What `slipway cache list --json` and `cache show --json` print.
public struct CacheDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The store's directory.
  public var store: String
  /// The bases.
  public var bases: [BaseDocument]
  /// Bases that nova-compute made in a cache that we share with it, and of which nothing is verified.
  public var foreign: [ForeignBaseDocument]
  /// Files in the store's `bases` that are not ours or whose record cannot be read; they are never touched.
  public var unknown: [String]
  /// The bases in the pool, null where none is configured.
  @Nullable public var pool: PoolBasesDocument?

  /// A list of bases.
  public init(
    store: String, bases: [BaseDocument], foreign: [ForeignBaseDocument] = [], unknown: [String] = [], pool: PoolBasesDocument? = nil
  ) {
    self.store = store
    self.bases = bases
    self.foreign = foreign
    self.unknown = unknown
    self.pool = pool
  }
}
