/// What lies behind a backend of Cinder: a pool of a configured cluster.
public struct VolumeBackend: Sendable, Hashable {
  /// The cluster's name in the configuration.
  public var cluster: String
  /// The pool.
  public var pool: String

  /// A backend.
  public init(cluster: String, pool: String) {
    self.cluster = cluster
    self.pool = pool
  }
}

/// What the volume service tells of a volume.
public struct VolumeFacts: Sendable, Hashable {
  /// The name of its RBD image.
  public var imageName: String
  /// Its state: `available`, `in-use`, …
  public var status: String
  /// Whether its bytes are encrypted.
  public var encrypted: Bool
  /// Where it lies: `host@backend#pool`, and the same of its cluster of hosts where it has one. Empty where that is not shown.
  public var hosts: [String]
  /// The project that it belongs to; nil where that is not shown.
  public var project: String?
  /// The project whose image its bytes are, by its metadata (`image_owner`).
  public var imageOwner: String?

  /// Facts.
  public init(
    imageName: String, status: String = "available", encrypted: Bool = false, hosts: [String] = [], project: String? = nil,
    imageOwner: String? = nil
  ) {
    self.imageName = imageName
    self.status = status
    self.encrypted = encrypted
    self.hosts = hosts
    self.project = project
    self.imageOwner = imageOwner
  }
}

/// The RBD image of a volume.
public struct VolumeImage: Sendable, Hashable {
  /// The pool of its backend.
  public let pool: String
  /// The image's name.
  public let image: String
}
