internal import Crypto
public import Model

/// What makes two bases the same: the source's bytes, how they were read, how they are kept, and for whom.
///
/// The bytes are named by a strong digest that was verified; md5 or sha1 alone is no identity. Without one they are named by where they lie and
/// by a stamp that changes with them. The owner counts unless the image is public, so that nobody learns from a hit that another tenant has the
/// same bytes.
public struct BaseIdentity: Sendable, Hashable, Codable {
  /// How the bytes are named.
  public enum Anchor: Sendable, Hashable {
    /// By a strong digest of the source's bytes.
    case digest(Digest)
    /// By the SHA-256 of the location's URL (a URL may carry secrets) and a stamp.
    case location(hash: String, stamp: Stamp)
  }

  /// What changes when the bytes at a location change.
  public struct Stamp: Sendable, Hashable {
    /// Canonical text.
    public let text: String

    /// Nothing is known that would change: for snapshots, which do not.
    public static let none = Stamp(text: "none")
    /// A local file: inode, time of the last change in nanoseconds since 1970, size in bytes.
    public static func file(inode: UInt64, modified: Int64, size: Int64) -> Stamp { Stamp(text: "file \(inode) \(modified) \(size)") }
    /// An HTTP entity tag (RFC 9110 section 8.8.3), as the server wrote it.
    public static func etag(_ tag: String) -> Stamp { Stamp(text: "etag \(PercentEncoding.encode(tag))") }
    /// Anything else that changes with the bytes: a weak checksum, an update time, a snapshot's id.
    public static func version(_ text: String) -> Stamp { Stamp(text: "version \(PercentEncoding.encode(text))") }

    init(text: String) { self.text = text }
  }

  /// How the bytes are named.
  public let anchor: Anchor
  /// The format in which the source's bytes were read (`raw`, `qcow2`).
  public let sourceFormat: String
  /// The format in which the base is kept.
  public let format: BaseFormat
  /// The project whose image it is, nil when the image is public or no image service is involved.
  public let owner: String?
  /// The image whose id names the base, in a layout that names bases so; nil where the name comes from all the rest.
  public let image: ImageID?
  /// The file's name, the same on every host.
  public let name: BaseName

  /// The identity of bytes with a digest. Throws `digest_required` for a weak one.
  public init(digest: Digest, sourceFormat: String, format: BaseFormat, owner: String?) throws(SlipwayError) {
    try self.init(digest: digest, sourceFormat: sourceFormat, format: format, owner: owner, image: nil)
  }

  private init(digest: Digest, sourceFormat: String, format: BaseFormat, owner: String?, image: ImageID?) throws(SlipwayError) {
    guard digest.algorithm.isStrong else {
      throw SlipwayError(
        .digestRequired, "\(digest.algorithm.rawValue) identifies no image", object: digest.description, hint: "give a SHA-2 digest")
    }
    try self.init(anchor: .digest(digest), sourceFormat: sourceFormat, format: format, owner: owner, image: image)
  }

  /// The identity of bytes without a strong digest, by their location's full URL and a stamp.
  public init(url: String, stamp: Stamp, sourceFormat: String, format: BaseFormat, owner: String?) throws(SlipwayError) {
    let hash = try Digest.of(Array(url.utf8), .sha256).hex
    try self.init(anchor: .location(hash: hash, stamp: stamp), sourceFormat: sourceFormat, format: format, owner: owner)
  }

  private init(anchor: Anchor, sourceFormat: String, format: BaseFormat, owner: String?, image: ImageID? = nil) throws(SlipwayError) {
    self.anchor = anchor
    self.sourceFormat = sourceFormat
    self.format = format
    self.owner = owner
    self.image = image
    if let image {
      name = try BaseName(novaOf: image)
      return
    }
    let text = BaseIdentity.canonical(anchor: anchor, sourceFormat: sourceFormat, format: format, owner: owner)
    name = BaseName(hash: try Digest.of(Array(text.utf8), .sha256).hex, format: format)
  }

  /// The same bytes under the name that Nova gives to an image. The owner does not count there: the id is one image's, and the image service says
  /// at every request who may use it.
  func novas(_ image: ImageID) throws(SlipwayError) -> BaseIdentity {
    try BaseIdentity(anchor: anchor, sourceFormat: sourceFormat, format: format, owner: nil, image: image)
  }

  /// The text that is hashed into the name: a line for each part, in this order. It never changes: names must be the same on every host and version.
  static func canonical(anchor: Anchor, sourceFormat: String, format: BaseFormat, owner: String?) -> String {
    var lines = ["slipway-base 1"]
    switch anchor {
    case .digest(let digest): lines.append("digest \(digest)")
    case .location(let hash, let stamp):
      lines.append("location \(hash)")
      lines.append("stamp \(stamp.text)")
    }
    lines.append("source-format \(PercentEncoding.encode(sourceFormat))")
    lines.append("format \(format.rawValue)")
    if let owner { lines.append("owner \(PercentEncoding.encode(owner))") }
    return lines.map { $0 + "\n" }.joined()
  }

  enum CodingKeys: String, CodingKey {
    case digest, location, stamp, format, owner, image
    case sourceFormat = "source_format"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let sourceFormat = try container.decode(String.self, forKey: .sourceFormat)
    let format = try container.decode(BaseFormat.self, forKey: .format)
    let owner = try container.decodeIfPresent(String.self, forKey: .owner)
    let image = try container.decodeIfPresent(ImageID.self, forKey: .image)
    if let digest = try container.decodeIfPresent(Digest.self, forKey: .digest) {
      try self.init(digest: digest, sourceFormat: sourceFormat, format: format, owner: owner, image: image)
    } else {
      let stamp = Stamp(text: try container.decode(String.self, forKey: .stamp))
      let hash = try container.decode(String.self, forKey: .location)
      try self.init(anchor: .location(hash: hash, stamp: stamp), sourceFormat: sourceFormat, format: format, owner: owner, image: image)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch anchor {
    case .digest(let digest): try container.encode(digest, forKey: .digest)
    case .location(let hash, let stamp):
      try container.encode(hash, forKey: .location)
      try container.encode(stamp.text, forKey: .stamp)
    }
    try container.encode(sourceFormat, forKey: .sourceFormat)
    try container.encode(format, forKey: .format)
    try container.encodeIfPresent(owner, forKey: .owner)
    try container.encodeIfPresent(image, forKey: .image)
  }
}
