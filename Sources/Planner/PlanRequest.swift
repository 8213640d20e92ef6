public import Model

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

  /// A request; `size` is ignored when `baseOnly`.
  public init(
    image: ImageDescription, target: Target, baseOnly: Bool = false, size: ByteCount? = nil, mode: Mode = .spawn, policy: PlanPolicy,
    operatorLocations: Bool = false, serviceCanServe: Bool? = nil
  ) {
    self.image = image
    self.target = target
    self.baseOnly = baseOnly
    self.size = baseOnly ? nil : size
    self.mode = mode
    self.policy = policy
    self.operatorLocations = operatorLocations
    self.serviceCanServe = serviceCanServe ?? (image.id != nil)
  }
}
