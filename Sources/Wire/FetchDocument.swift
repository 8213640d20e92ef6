public import Model

/// What `slipway fetch --json` prints.
public struct FetchDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The image's id, or the location that was typed.
  public var image: String
  /// Absolute path of the base.
  public var path: String
  /// `qcow2` or `raw`: the format of the file at `path`.
  public var format: String
  /// Size in bytes that a guest sees.
  public var virtualSize: Int64
  /// The way by which it came, null on a hit.
  @Nullable public var route: String?
  /// `hit` or `fetched`.
  public var outcome: String
  /// Bytes moved by this request.
  public var bytes: ByteTally
  /// What was verified.
  public var evidence: EvidenceDocument
  /// How long it took.
  public var seconds: Double

  enum CodingKeys: String, CodingKey {
    case version, image, path, format
    case virtualSize = "virtual_size"
    case route, outcome, bytes, evidence, seconds
  }

  /// The document for a fetch.
  public init(
    image: String, path: String, format: String, virtualSize: Int64, route: Route?, outcome: String, bytes: ByteTally, evidence: Evidence,
    seconds: Double
  ) {
    self.image = image
    self.path = path
    self.format = format
    self.virtualSize = virtualSize
    self.route = route?.rawValue
    self.outcome = outcome
    self.bytes = bytes
    self.evidence = EvidenceDocument(evidence)
    self.seconds = seconds
  }
}
