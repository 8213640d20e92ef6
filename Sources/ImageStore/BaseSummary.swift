public import Model

/// A base as lists show it and cleaning weighs it.
public struct BaseSummary: Sendable, Hashable {
  /// The file's name.
  public let name: BaseName
  /// Absolute path.
  public let path: String
  /// Device number of the file, with `inode` its identity whatever its path.
  public let device: UInt64
  /// Inode number of the file.
  public let inode: UInt64
  /// Apparent size in bytes.
  public let fileSize: ByteCount
  /// Bytes that it occupies now.
  public let allocated: ByteCount
  /// The format that it is kept in; nil when nothing of ours tells.
  public let format: BaseFormat?
  /// Whether another program that shares the directory (nova-compute) made it.
  public let isForeign: Bool
  /// What its record says; nil when that cannot be read.
  public let details: Details?
  /// Seconds since 1970 at which it was published, or (without a record) its file last changed.
  public let created: Int64
  /// How it was used.
  public let usage: BaseUsage
  /// The pin that holds now.
  public let pin: Pin?
  /// Why no disk may grow from it, nil when it is sound.
  public let damage: String?

  /// What the record says.
  public struct Details: Sendable, Hashable {
    /// Size that a guest sees, in bytes.
    public let virtualSize: ByteCount
    /// The images that it serves, sorted by id.
    public let images: [ImageID]
    /// The image's display name when it was fetched.
    public let imageName: String?
    /// Where the bytes came from, without credentials.
    public let source: String
    /// The way that they took.
    public let route: Route?
    /// What was verified.
    public let verdict: Evidence.DigestVerdict?
    /// When, RFC 3339 in UTC.
    public let verifiedAt: String
  }

  /// Seconds from its publication to `time`. Never negative: a clock that was moved back makes a base young, not old.
  public func age(at time: Int64) -> Int64 { max(0, time - created) }
  /// Seconds from its last use to `time`, never negative.
  public func idle(at time: Int64) -> Int64 { max(0, time - max(usage.lastUse, created)) }
}

/// By what a list of bases is sorted.
public enum BaseSort: String, Sendable, Hashable, CaseIterable {
  case name, size, allocated, virtual, created, hits
  case lastUse = "last_use"

  func isBefore(_ a: BaseSummary, _ b: BaseSummary) -> Bool {
    func key(_ base: BaseSummary) -> Int64 {
      switch self {
      case .name: 0
      case .size: base.fileSize.bytes
      case .allocated: base.allocated.bytes
      case .virtual: base.details?.virtualSize.bytes ?? 0
      case .created: base.created
      case .hits: Int64(base.usage.hits)
      case .lastUse: base.usage.lastUse
      }
    }
    let (left, right) = (key(a), key(b))
    return left == right ? a.name < b.name : left < right
  }
}

/// Which bases a list holds: those for which all that is set is true.
public struct BaseFilter: Sendable, Hashable {
  /// Image id, image name, source or base name.
  public var image: String?
  /// Format of the base.
  public var format: BaseFormat?
  /// Pinned now, or not.
  public var pinned: Bool?
  /// Damaged, or not.
  public var damaged: Bool?
  /// Way that the bytes took.
  public var route: Route?
  /// Not used for so many seconds.
  public var idle: Int64?

  /// All bases.
  public init(
    image: String? = nil, format: BaseFormat? = nil, pinned: Bool? = nil, damaged: Bool? = nil, route: Route? = nil, idle: Int64? = nil
  ) {
    self.image = image
    self.format = format
    self.pinned = pinned
    self.damaged = damaged
    self.route = route
    self.idle = idle
  }

  func holds(_ base: BaseSummary, at time: Int64) -> Bool {
    if let image, !names(base, image) { return false }
    if let format, base.format != format { return false }
    if let pinned, (base.pin != nil) != pinned { return false }
    if let damaged, (base.damage != nil) != damaged { return false }
    if let route, base.details?.route != route { return false }
    if let idle, base.idle(at: time) < idle { return false }
    return true
  }

  private func names(_ base: BaseSummary, _ text: String) -> Bool {
    if base.name.text == text { return true }
    guard let details = base.details else { return false }
    if let id = ImageID(text), details.images.contains(id) { return true }
    return details.imageName == text || details.source == text
  }
}
