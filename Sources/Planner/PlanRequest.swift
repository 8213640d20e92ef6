public import Model

/// Where a base for a clone stands, or is made.
public struct PoolBasePlace: Sendable, Hashable {
  /// The cluster's name; the same as that of the disks.
  public var cluster: String
  /// The pool.
  public var pool: String
  /// The base's name, nil while it is not known.
  public var name: String?
  /// Further pools in which it may lie; none is made there.
  public var others: [String]

  /// A place.
  public init(cluster: String, pool: String, name: String?, others: [String] = []) {
    self.cluster = cluster
    self.pool = pool
    self.name = name
    self.others = others
  }
}

/// What is planned: an image, what it is for, and the rules of this host. All of it is known before anything is asked.
public struct PlanRequest: Sendable, Hashable {
  /// When planning stops.
  public enum Mode: String, Sendable, Hashable {
    /// At the first candidate that can be used; the rest are `not_tried`.
    case spawn
    /// When every candidate has been looked at.
    case explain
  }

  /// The image, with its locations in order of preference.
  public var image: ImageDescription
  /// What the disk is to be made on; for a base its format (`qcow2` or `raw`).
  public var target: Target
  /// Whether only a base in the local store is wanted and no disk: then there is no size to hold, and `min_disk` says nothing.
  public var baseOnly: Bool
  /// The size asked for the disk; nil means the image's own.
  public var size: ByteCount?
  /// When planning stops.
  public var mode: Mode
  /// The rules of this host.
  public var policy: PlanPolicy
  /// Whether an administrator on this machine typed the locations: then every scheme that we can read is allowed.
  public var operatorLocations: Bool
  /// Whether the image service can serve the bytes over HTTP: by default whenever the image has an id there.
  public var serviceCanServe: Bool
  /// Where a base that disks are cloned from stands, nil where there can be none.
  public var poolBase: PoolBasePlace?
  /// Whether the bytes must be proved before a clone is made of them.
  public var provesClones: Bool

  /// A request; `size` is ignored when `baseOnly`.
  public init(
    image: ImageDescription, target: Target, baseOnly: Bool = false, size: ByteCount? = nil, mode: Mode = .spawn, policy: PlanPolicy,
    operatorLocations: Bool = false, serviceCanServe: Bool? = nil,
    poolBase: PoolBasePlace? = nil, provesClones: Bool = false
  ) {
    self.image = image
    self.target = target
    self.baseOnly = baseOnly
    self.size = baseOnly ? nil : size
    self.mode = mode
    self.policy = policy
    self.operatorLocations = operatorLocations
    self.serviceCanServe = serviceCanServe ?? (image.id != nil)
    self.poolBase = poolBase
    self.provesClones = provesClones
  }

  /// The request for the bytes of a base in the pool.
  var ofItsBase: PlanRequest {
    PlanRequest(
      image: image, target: .raw, baseOnly: true, mode: .spawn, policy: policy, operatorLocations: operatorLocations,
      serviceCanServe: serviceCanServe)
  }
}
