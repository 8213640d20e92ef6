public import Model

/// One question that only the outside can answer. Equal questions are asked once.
public enum ProbeRequest: Sendable, Hashable {
  /// With whose credentials an RBD snapshot is opened.
  public enum User: String, Sendable, Hashable {
    /// Those that will open the disk: a clone whose parent they cannot read opens for nobody.
    case diskUser = "disk_user"
    /// Those for export and verification.
    case imageUser = "image_user"
  }

  /// The fsid of the cluster of that name.
  case fsid(cluster: String)
  /// Does the snapshot open for that user, and what is it?
  case rbdSnapshot(cluster: String, location: RBDLocation, as: User)
  /// Is there a regular file, beneath `root` where one is given (symbolic links followed no further)?
  case file(path: String, root: String?)
  /// Is there that pool for bases, and in it a base of that name (nil while the name is not known)? `ProbeFacts.size` is the base's.
  case poolBase(cluster: String, pool: String, name: String?)
  /// What does the volume service say of the volume with that id?
  case volume(id: String)
  /// Does that volume's image open for the user of disks, who has to take a snapshot of it, and what is it?
  case volumeImage(cluster: String, image: VolumeImage)
  /// Does the URL answer? It is the location's own and may carry credentials: not for logs.
  case url(String)
}

/// What was found where a probe was answered.
public struct ProbeFacts: Sendable, Hashable {
  /// Size of the stored bytes (of an RBD snapshot: the snapshot's), nil when not told.
  public var size: ByteCount?
  /// Whether the RBD snapshot is protected.
  public var isProtected: Bool
  /// Whether cloning it needs the protection: clone format 1 does (EINVAL otherwise), format 2 does not.
  public var cloneNeedsProtection: Bool
  /// log2 of the RBD image's object size, nil when it is no RBD image.
  public var objectOrder: Int?
  /// How many ancestors the RBD image has; 0 when that was not asked.
  public var depth: Int
  /// What tells one state of a file or URL from another: inode, mtime and size, or the ETag.
  public var version: String?

  /// Facts; sizes in bytes.
  public init(
    size: ByteCount? = nil, isProtected: Bool = false, cloneNeedsProtection: Bool = false, objectOrder: Int? = nil, version: String? = nil,
    depth: Int = 0
  ) {
    self.size = size
    self.isProtected = isProtected
    self.cloneNeedsProtection = cloneNeedsProtection
    self.objectOrder = objectOrder
    self.version = version
    self.depth = depth
  }
}

/// The answer to a probe.
public enum ProbeResult: Sendable, Hashable {
  /// To `.fsid`.
  case fsid(FSID)
  /// To `.volume`.
  case volume(VolumeFacts)
  /// To the others.
  case facts(ProbeFacts)
  /// No: why, and one sentence for people without secrets.
  case refused(Reason, String?)

  /// What a failed probe means to a plan, for errors of the handles that carry no finer reason.
  public static func failed(_ error: SlipwayError) -> ProbeResult {
    let reason: Reason =
      switch error.code {
      case .clusterUnreachable: .clusterUnreachable
      case .timeout: .timeout
      case .permissionDenied: .permissionDenied
      case .sourceNotFound: .sourceMissing
      case .locationNotAllowed: .rootNotAllowed
      default: .sourceUnreachable
      }
    return .refused(reason, error.message)
  }
}

/// The candidate that a plan chose, with what is needed to act on it.
public struct Choice: Sendable, Hashable {
  /// Its index in the plan's candidates.
  public let index: Int
  /// The way.
  public let route: Route
  /// The location, unredacted; nil for a download from the image service.
  public let location: Location?
  /// The cluster's name, for clones and `export`.
  public let cluster: String?
  /// The four parts, for `clone` and `export`.
  public let rbd: RBDLocation?
  /// The local path, for `file`.
  public let path: String?
  /// The allowed root beneath which the path was found; nil when any was allowed.
  public let root: String?
  /// What the probe found; nil when none was needed.
  public let facts: ProbeFacts?
  /// The image of the volume behind a `cinder` location, for `cinder_clone` and `export`.
  public let volume: VolumeImage?
}
