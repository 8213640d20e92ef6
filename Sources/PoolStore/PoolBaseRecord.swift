public import Model
public import Runtime

/// What a base in a pool carries in its own RBD image's metadata: where its bytes came from and what was verified of them.
public struct PoolBaseRecord: Sendable, Hashable, Codable {
  /// Version of this format; a newer one is left alone.
  public static let currentVersion = 1

  /// The format's version.
  public var version: Int
  /// The base's name, a function of its identity.
  public var name: PoolBaseName
  /// The format of the bytes that it was made of.
  public var sourceFormat: String
  /// The project whose image it is, nil for a public one.
  public var owner: String?
  /// The image that it was made for, nil for a location that was typed.
  public var image: ImageID?
  /// The name that the image had.
  public var imageName: String?
  /// Size in bytes that a guest sees: the image's own, never more.
  public var virtualSize: ByteCount
  /// The location that it came from, without credentials.
  public var source: String?
  /// The way by which it came.
  public var route: Route
  /// What was verified.
  public var evidence: Evidence
  /// What was moved for it.
  public var tally: ByteTally
  /// When it was published, seconds since 1970.
  public var created: Int64
  /// Who made it.
  public var maker: ProcessOwner
  /// The id of the RBD image that this record speaks of. A clone inherits its parent's metadata: a record that speaks of another image says
  /// nothing.
  public var imageID: String?

  /// A record of a base that is about to be published.
  public init(
    name: PoolBaseName, sourceFormat: String, owner: String?, image: ImageID?, imageName: String?, virtualSize: ByteCount, source: String?,
    route: Route, evidence: Evidence, tally: ByteTally, created: Int64, maker: ProcessOwner = .current
  ) {
    version = Self.currentVersion
    self.name = name
    self.sourceFormat = sourceFormat
    self.owner = owner
    self.image = image
    self.imageName = imageName
    self.virtualSize = virtualSize
    self.source = source
    self.route = route
    self.evidence = evidence
    self.tally = tally
    self.created = created
    self.maker = maker
  }

  enum CodingKeys: String, CodingKey {
    case version, name, owner, image, source, route, evidence, tally, created, maker
    case sourceFormat = "source_format"
    case imageName = "image_name"
    case virtualSize = "virtual_size"
    case imageID = "image_id"
  }
}
