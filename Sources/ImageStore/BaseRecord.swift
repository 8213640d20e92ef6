public import Model

/// What is known about a base, as its sidecar `meta/<name>.json` keeps it: the truth, of which the catalog is an index.
public struct BaseRecord: Sendable, Hashable, Codable {
  /// The version of the sidecar that we write. A newer one is not acted on.
  public static let currentVersion = 1

  /// The sidecar's version.
  public var version: Int
  /// What makes it this base.
  public var identity: BaseIdentity
  /// The images for which it was fetched or asked, in that order: images with the same bytes share a base.
  public var images: [ImageID]
  /// The image's display name when it was fetched, if it had one.
  public var imageName: String?
  /// Size that a guest sees, in bytes.
  public var virtualSize: ByteCount
  /// Size of the base's file, in bytes. Set by `publish`.
  public var fileSize: ByteCount
  /// Bytes that the file occupied when it was published. Set by `publish`.
  public var allocated: ByteCount
  /// Where the bytes came from, without credentials.
  public var source: String
  /// The way that they took.
  public var route: Route
  /// What was verified.
  public var evidence: Evidence
  /// When it was published, seconds since 1970. Set by `publish`.
  public var created: Int64
  /// Which file the evidence is about (`Directory.birthMark`), in a layout in which others may replace it; nil in our own.
  public var file: String?
  /// That the file was not made by us: its bytes were held against verified ones, and it was kept. Nil for no.
  public var adopted: Bool?
  /// What the transfer moved.
  public var tally: ByteTally

  /// A record to publish; `source` is redacted here.
  public init(
    identity: BaseIdentity, images: [ImageID], imageName: String? = nil, virtualSize: ByteCount, source: String, route: Route,
    evidence: Evidence, tally: ByteTally
  ) {
    version = BaseRecord.currentVersion
    self.identity = identity
    self.images = images
    self.imageName = imageName
    self.virtualSize = virtualSize
    fileSize = ByteCount(0)
    allocated = ByteCount(0)
    self.source = Location.redacted(source)
    self.route = route
    self.evidence = evidence
    created = 0
    self.tally = tally
  }

  /// The file's name.
  public var name: BaseName { identity.name }

  /// Adds images that it does not name yet; false when it names all.
  mutating func add(_ more: [ImageID]) -> Bool {
    let new = more.filter { !images.contains($0) }
    images += new
    return !new.isEmpty
  }

  enum CodingKeys: String, CodingKey {
    case version, identity, images, source, route, evidence, created, file, adopted
    case imageName = "image_name"
    case virtualSize = "virtual_size"
    case fileSize = "file_size"
    case allocated
    case tally = "bytes"
  }
}
