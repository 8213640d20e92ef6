public import Model

/// What `slipway prewarm --json` prints.
public struct PrewarmDocument: Codable, Sendable, Hashable {
  /// What became of one image.
  public struct Entry: Codable, Sendable, Hashable {
    /// The image's id, or what it was called.
    public var image: String
    /// `cached`, `fetched`, `failed` or `skipped`.
    public var outcome: String
    /// Absolute path of the base, null when there is none.
    @Nullable public var path: String?
    /// The way by which it came, null when nothing was moved.
    @Nullable public var route: String?
    /// Bytes moved for it, null when there is no base.
    @Nullable public var bytes: ByteTally?
    /// Why there is none.
    @Nullable public var error: ErrorDocument.Body?

    /// An image's outcome.
    public init(image: String, outcome: String, path: String?, route: Route?, bytes: ByteTally?, error: SlipwayError?) {
      self.image = image
      self.outcome = outcome
      self.path = path
      self.route = route?.rawValue
      self.bytes = bytes
      self.error = error.map { ErrorDocument($0).error }
    }
  }

  /// Version of the documents.
  public var version = 1
  /// Each image once, the smallest first.
  public var images: [Entry]
  /// How many had each outcome.
  public var counts: [String: Int]
  /// How long it all took.
  public var seconds: Double

  /// The document.
  public init(images: [Entry], seconds: Double) {
    self.images = images
    counts = images.reduce(into: ["cached": 0, "fetched": 0, "failed": 0, "skipped": 0]) { $0[$1.outcome, default: 0] += 1 }
    self.seconds = seconds
  }
}

/// What `slipway maintenance on|off --json` prints.
public struct MaintenanceDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// Whether background work is stopped now.
  public var maintenance: Bool
  /// What the operator said.
  @Nullable public var note: String?

  /// The document.
  public init(maintenance: Bool, note: String?) {
    self.maintenance = maintenance
    self.note = note
  }
}
