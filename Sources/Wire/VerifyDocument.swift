public import Model

/// What `slipway cache verify --json` prints.
public struct VerifyDocument: Codable, Sendable, Hashable {
  /// A run of bytes of a base's file.
  public struct Run: Codable, Sendable, Hashable {
    /// The first byte.
    public var offset: Int64
    /// How many.
    public var length: Int64

    /// A run.
    public init(offset: Int64, length: Int64) {
      self.offset = offset
      self.length = length
    }
  }

  /// What became of one base.
  public struct Base: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// The images that it was fetched for.
    public var images: [String]
    /// `sound`, `damaged`, `unverifiable` (there is nothing to compare with) or `failed`.
    public var verdict: String
    /// Why it could not be verified, what is wrong where blocks don't tell, or why a damaged one stays; one clause.
    @Nullable public var detail: String?
    /// Blocks that were compared, holes included.
    public var blocks: Int64
    /// Blocks that differ.
    public var damagedBlocks: Int64
    /// Where they lie, neighbours joined; the first 64.
    public var damaged: [Run]
    /// Bytes that were read; holes are not.
    public var read: Int64
    /// `none`, `cleared` (a mark from earlier was taken away), `hashed` (its digest proved it, and it has block hashes now), `quarantined`, or `marked`:
    /// no new disk grows from it.
    public var consequence: String
    /// Where a quarantined base lies.
    @Nullable public var quarantine: String?
    /// Disks that stand on a damaged base.
    public var usedBy: [String]
    /// Absolute path of the base that was brought in its place.
    @Nullable public var refetched: String?
    /// What went wrong with verifying, settling or bringing it.
    @Nullable public var error: ErrorDocument.Body?

    enum CodingKeys: String, CodingKey {
      case name, path, images, verdict, detail, blocks
      case damagedBlocks = "damaged_blocks"
      case damaged, read, consequence, quarantine
      case usedBy = "used_by"
      case refetched, error
    }

    /// A base's outcome.
    public init(
      name: String, path: String, images: [String], verdict: String, detail: String?, blocks: Int64, damagedBlocks: Int64, damaged: [Run],
      read: Int64, consequence: String, quarantine: String?, usedBy: [String], refetched: String?, error: SlipwayError?
    ) {
      self.name = name
      self.path = path
      self.images = images
      self.verdict = verdict
      self.detail = detail
      self.blocks = blocks
      self.damagedBlocks = damagedBlocks
      self.damaged = damaged
      self.read = read
      self.consequence = consequence
      self.quarantine = quarantine
      self.usedBy = usedBy
      self.refetched = refetched
      self.error = error.map { ErrorDocument($0).error }
    }
  }

  /// Version of the documents.
  public var version = 1
  /// The store's directory.
  public var store: String
  /// By name.
  public var bases: [Base]
  /// How many had each verdict.
  public var counts: [String: Int]
  /// How long it all took.
  public var seconds: Double

  /// The document.
  public init(store: String, bases: [Base], seconds: Double) {
    self.store = store
    self.bases = bases
    counts = bases.reduce(into: ["sound": 0, "damaged": 0, "unverifiable": 0, "failed": 0]) { $0[$1.verdict, default: 0] += 1 }
    self.seconds = seconds
  }
}
