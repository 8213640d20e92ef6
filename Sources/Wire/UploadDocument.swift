public import Model

/// What `slipway disk upload --json` prints.
public struct UploadDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The image's id.
  public var image: String
  /// The image's name.
  public var name: String
  /// The disk: `pool/image`, or a path.
  public var source: String
  /// `raw` or `qcow2`: the image's format.
  public var diskFormat: String
  /// `clone` or `stream`.
  public var route: String
  /// `ok` for a clone, else why it is none.
  public var reason: String
  /// More about the reason, one clause.
  @Nullable public var detail: String?
  /// The store, where it is known.
  @Nullable public var store: String?
  /// The location that the image service was given, null where it made its own.
  @Nullable public var location: String?
  /// Bytes that a guest sees.
  public var size: Int64
  /// Bytes moved by this request.
  public var bytes: ByteTally
  /// The digest of the image's bytes, computed here; null where nobody read them.
  @Nullable public var digest: String?
  /// `at_rest`, `quiesced` or `crash`; null for an image that was there.
  @Nullable public var consistency: String?
  /// `done`, `pending` or `never`: when a clone is freed from its disk; null for a stream.
  @Nullable public var flatten: String?
  /// The base in the pool from which disks of the image are cloned, null for none.
  @Nullable public var base: String?
  /// `created` or `existing`.
  public var outcome: String
  /// How long it took.
  public var seconds: Double

  enum CodingKeys: String, CodingKey {
    case version, image, name, source
    case diskFormat = "disk_format"
    case route, reason, detail, store, location, size, bytes, digest, consistency, flatten, base, outcome, seconds
  }

  /// The document for an upload.
  public init(
    image: ImageID, name: String, source: String, diskFormat: String, route: UploadRoute, reason: Reason, detail: String?, store: String?,
    location: String?, size: Int64, bytes: ByteTally, digest: Digest?, consistency: Consistency?, flatten: String?, base: String?,
    isCreated: Bool, seconds: Double
  ) {
    self.image = image.text
    self.name = name
    self.source = source
    self.diskFormat = diskFormat
    self.route = route.rawValue
    self.reason = reason.rawValue
    self.detail = detail
    self.store = store
    self.location = location
    self.size = size
    self.bytes = bytes
    self.digest = digest?.description
    self.consistency = consistency?.rawValue
    self.flatten = flatten
    self.base = base
    outcome = isCreated ? "created" : "existing"
    self.seconds = seconds
  }
}
