public import Model
public import OpenStack

/// What an image is to be made of.
public enum UploadSource: Sendable, Hashable {
  /// A disk of ours.
  case disk(DiskName)
  /// An RBD image in the disks' cluster: a Cinder volume in a pool of `cinder.backends`.
  case image(pool: String, image: String)

  /// Reads NAME: text with a `/` is POOL/IMAGE. Throws `invalid_name`.
  public init(parsing text: String) throws(SlipwayError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else {
      self = .disk(try DiskName(text))
      return
    }
    guard !parts[0].isEmpty, !parts[1].isEmpty, !parts[1].contains(where: { $0 == "/" || $0 == "@" }) else {
      throw SlipwayError(.invalidName, "'\(text)' names no RBD image", object: text, hint: "write POOL/IMAGE, or the name of a disk")
    }
    self = .image(pool: parts[0], image: parts[1])
  }
}

/// The formats in which a disk becomes an image.
public enum UploadFormat: String, Sendable, Hashable, CaseIterable { case raw, qcow2 }

/// An image that is to be made of a disk.
public struct UploadRequest: Sendable {
  /// The disk.
  public var source: UploadSource
  /// The image's name.
  public var name: String
  /// The image's format.
  public var format: UploadFormat
  /// The image's id; nil makes one up. Asked again with the same id, the same image is answered.
  public var id: ImageID?
  /// The store, nil for the configured one.
  public var store: String?
  /// Who may see the image; nil leaves it to the service.
  public var visibility: String?
  /// Further properties.
  public var properties: [String: String]
  /// The caller's token, with which the image is made: it is then the caller's. Nil makes it ours.
  public var token: Secret?
  /// Whether the bytes of a clone are hashed before the image can be used.
  public var isHashed: Bool
  /// Whether the guest's file systems are frozen while the snapshot is taken.
  public var quiesces: Bool

  /// A request.
  public init(
    source: UploadSource, name: String, format: UploadFormat = .raw, id: ImageID? = nil, store: String? = nil, visibility: String? = nil,
    properties: [String: String] = [:], token: Secret? = nil, isHashed: Bool = false, quiesces: Bool = false
  ) {
    self.source = source
    self.name = name
    self.format = format
    self.id = id
    self.store = store
    self.visibility = visibility
    self.properties = properties
    self.token = token
    self.isHashed = isHashed
    self.quiesces = quiesces
  }
}

/// An image that was made of a disk.
public struct UploadAnswer: Sendable {
  /// When a clone is freed from its disk.
  public enum Flatten: String, Sendable, Hashable {
    /// It stands alone.
    case done
    /// The next cleaning frees it.
    case pending
    /// It stays a clone.
    case never
  }
  /// The image.
  public var image: ImageID
  /// The disk: `pool/image`, or a path.
  public var source: String
  /// How its bytes came.
  public var route: UploadRoute
  /// `ok` for a clone, else why it is none.
  public var reason: Reason
  /// More about the reason, one clause.
  public var detail: String?
  /// The store, where it is known.
  public var store: String?
  /// The location that the image service was given; nil where it made its own.
  public var location: String?
  /// Bytes that a guest sees.
  public var size: Int64
  /// What was moved.
  public var bytes: ByteTally
  /// The digest of the image's bytes, computed here; nil where nobody read them.
  public var digest: Digest?
  /// What a guest finds; nil for an image that was there.
  public var consistency: Consistency?
  /// What becomes of the clone; nil for a stream.
  public var flatten: Flatten?
  /// The base in the pool from which disks of the image are cloned, `pool/image@snapshot`; nil for none.
  public var base: String?
  /// Whether it was made now.
  public var isCreated: Bool
  /// How long it took.
  public var duration: Duration
}
