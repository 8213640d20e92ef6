public import Model

/// What is on its way for one image that is uploaded from an RBD image: noted in the pool of the disks before anything is made, so that a cleaner
/// finishes or takes back what a dead process left. Nothing that is not noted is touched.
public struct UploadNote: Sendable, Hashable, Codable {
  /// How far it is.
  public enum Stage: String, Sendable, Hashable, Codable {
    /// Nobody but us knows of what was made: all of it is to be taken back.
    case making
    /// The image service may have the location by now: only it can say.
    case registering
    /// The image is there; its clone is to be freed from the disk, then the snapshot goes.
    case flatten
    /// The image is there, and its clone stands on the disk until the image is removed; then the snapshot goes.
    case linked
  }

  /// An RBD image in a pool; ids are never given again.
  public struct Place: Sendable, Hashable, Codable {
    /// The pool's name.
    public var pool: String
    /// The pool's id.
    public var poolID: Int64
    /// The image's name.
    public var image: String
    /// The image's id; nil while it is not made.
    public var imageID: String?

    /// A place.
    public init(pool: String, poolID: Int64, image: String, imageID: String?) {
      self.pool = pool
      self.poolID = poolID
      self.image = image
      self.imageID = imageID
    }

    /// `pool/image`.
    public var path: String { "\(pool)/\(image)" }
  }

  /// Version of this format; a newer one is left alone.
  public static let currentVersion = 1
  /// The format's version.
  public var version = UploadNote.currentVersion
  /// The image's id in the image service, and the clone's name.
  public var image: ImageID
  /// A random text that the image carries too, by which it is known to be this upload's.
  public var mark: String
  /// Whether it was made with a caller's token: then our own credentials may not see it, and that says nothing.
  public var isCallers: Bool
  /// The RBD image that is uploaded.
  public var source: Place
  /// The snapshot of it.
  public var snapshot: String
  /// The clone; nil where the bytes are streamed.
  public var clone: Place?
  /// The number of the client that makes the clone: ids that it gives begin with it.
  public var maker: UInt64?
  /// The base in a pool that the snapshot became, nil for none.
  public var base: Bool?
  /// How far it is.
  public var stage: Stage
  /// When it began, seconds since 1970.
  public var began: Int64

  /// A note of an upload that begins now.
  public init(
    image: ImageID, mark: String, isCallers: Bool, source: Place, snapshot: String, clone: Place?, maker: UInt64?, stage: Stage = .making,
    began: Int64
  ) {
    self.image = image
    self.mark = mark
    self.isCallers = isCallers
    self.source = source
    self.snapshot = snapshot
    self.clone = clone
    self.maker = maker
    self.stage = stage
    self.began = began
  }
}
