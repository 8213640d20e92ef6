public import Model

/// What `slipway base ensure --json` prints.
public struct EnsureDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// Absolute path of the disk whose base was wanted.
  public var overlay: String
  /// Absolute path of the base.
  public var path: String
  /// `qcow2` or `raw`: the format of the file at `path`, and that in which the disk reads it.
  public var format: String
  /// Size in bytes that a guest sees of the base.
  public var virtualSize: Int64
  /// The image's id, or where the base was copied from.
  public var image: String
  /// The way by which it came, null on a hit; a copy is a `file` or a `download`.
  @Nullable public var route: String?
  /// `hit` or `fetched`.
  public var outcome: String
  /// Bytes moved by this request.
  public var bytes: ByteTally
  /// What was verified.
  public var evidence: EvidenceDocument
  /// Until when cleaning leaves the base alone although nothing is seen to use it, RFC 3339; null for a pin without end.
  @Nullable public var heldUntil: String?
  /// How long it took.
  public var seconds: Double

  enum CodingKeys: String, CodingKey {
    case version, overlay, path, format
    case virtualSize = "virtual_size"
    case image, route, outcome, bytes, evidence
    case heldUntil = "held_until"
    case seconds
  }

  /// The document.
  public init(
    overlay: String, path: String, format: String, virtualSize: Int64, image: String, route: Route?, bytes: ByteTally, evidence: Evidence,
    heldUntil: String?, seconds: Double
  ) {
    self.overlay = overlay
    self.path = path
    self.format = format
    self.virtualSize = virtualSize
    self.image = image
    self.route = route?.rawValue
    outcome = route == nil ? "hit" : "fetched"
    self.bytes = bytes
    self.evidence = EvidenceDocument(evidence)
    self.heldUntil = heldUntil
    self.seconds = seconds
  }
}
