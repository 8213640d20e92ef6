public import Model

/// What `slipway cache audit --json` prints.
public struct AuditDocument: Codable, Sendable, Hashable {
  /// One thing against a base.
  public struct Finding: Codable, Sendable, Hashable {
    /// The code of the error with which a request would be refused.
    public var code: String
    /// One sentence.
    public var message: String
    /// Whether it is about the bytes, whatever policy says.
    public var bytes: Bool

    /// A finding.
    public init(code: String, message: String, bytes: Bool) {
      self.code = code
      self.message = message
      self.bytes = bytes
    }
  }

  /// What was found about one base.
  public struct Base: Codable, Sendable, Hashable {
    /// The file's name in the store.
    public var name: String
    /// Absolute path.
    public var path: String
    /// The images that it was fetched for.
    public var images: [String]
    /// `slipway`, or `nova-compute`.
    public var madeBy: String
    /// The rule of policy by which it was judged, null where it was not.
    @Nullable public var rule: String?
    /// `passed`, `failed` or `unjudged`.
    public var verdict: String
    /// What there is against it.
    public var findings: [Finding]
    /// Bytes that were read; holes are not.
    public var read: Int64
    /// Disks that stand on it, where it failed.
    public var usedBy: [String]
    /// With `--mark`: `none`, `cleared`, `quarantined` or `marked`.
    public var consequence: String
    /// Where a quarantined base lies.
    @Nullable public var quarantine: String?
    /// Why it could not be judged, or no consequence be drawn.
    @Nullable public var error: ErrorDocument.Body?

    enum CodingKeys: String, CodingKey {
      case name, path, images
      case madeBy = "made_by"
      case rule, verdict, findings, read
      case usedBy = "used_by"
      case consequence, quarantine, error
    }

    /// A base's outcome.
    public init(
      name: String, path: String, images: [String], madeBy: String, rule: String?, verdict: String, findings: [Finding], read: Int64,
      usedBy: [String], consequence: String, quarantine: String?, error: SlipwayError?
    ) {
      self.name = name
      self.path = path
      self.images = images
      self.madeBy = madeBy
      self.rule = rule
      self.verdict = verdict
      self.findings = findings
      self.read = read
      self.usedBy = usedBy
      self.consequence = consequence
      self.quarantine = quarantine
      self.error = error.map { ErrorDocument($0).error }
    }
  }

  /// Version of the documents.
  public var version = 1
  /// The store's directory.
  public var store: String
  /// By name.
  public var bases: [Base]
  /// Bases in pools, by name; a path is `pool/image@snapshot`, and there is no consequence.
  public var pool: [Base]
  /// Why a pool could not be looked into, null when all were.
  @Nullable public var unavailable: ErrorDocument.Body?
  /// How many had each verdict.
  public var counts: [String: Int]
  /// What could not be looked into for disks, so that more than those named may stand on what failed; sentences.
  public var unsearched: [String]
  /// How long it all took.
  public var seconds: Double

  /// The document.
  public init(
    store: String, bases: [Base], pool: [Base], unavailable: SlipwayError?, unsearched: [String], seconds: Double
  ) {
    self.store = store
    self.bases = bases
    self.pool = pool
    self.unavailable = unavailable.map { ErrorDocument($0).error }
    counts = (bases + pool).reduce(into: ["passed": 0, "failed": 0, "unjudged": 0]) { $0[$1.verdict, default: 0] += 1 }
    self.unsearched = unsearched
    self.seconds = seconds
  }
}
