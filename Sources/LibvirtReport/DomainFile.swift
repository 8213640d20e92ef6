/// A file, or a block device, that a domain has: a disk, a member of its chain, the target of a running copy, a kernel.
public struct DomainFile: Sendable, Hashable {
  /// The domain's name.
  public var domain: String
  /// Its absolute path.
  public var path: String
  /// What it is opened as (`raw`, `qcow2`); nil where the description does not say.
  public var format: String?

  /// A file of a domain.
  public init(domain: String, path: String, format: String?) {
    self.domain = domain
    self.path = path
    self.format = format
  }
}

/// What all domains of the host have, as libvirt told it at one time.
public struct DomainUse: Sendable, Hashable {
  /// Something that a domain has, and of which it is not known which file that is.
  public struct Unknown: Sendable, Hashable {
    /// The domain's name.
    public var domain: String
    /// One clause: what is not known, and why.
    public var problem: String
  }

  /// How many domains there are.
  public var domains = 0
  /// Their files, each of a domain once.
  public var files: Set<DomainFile> = []
  /// What could not be told: it may be any file.
  public var unknown: Set<Unknown> = []
  /// How many events had come when the look began.
  var generation = 0

  /// No domain.
  public init() {}

  /// Whether both say the same of files.
  public func says(_ other: DomainUse) -> Bool { files == other.files && unknown == other.unknown }
}
