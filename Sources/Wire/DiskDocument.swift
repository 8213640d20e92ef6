public import Model

/// What `slipway disk create --json` and `disk show --json` print.
public struct DiskDocument: Codable, Sendable, Hashable {
  /// How libvirt finds the disk.
  public struct LibvirtView: Codable, Sendable, Hashable {
    /// The storage pool, null without a view of that place.
    @Nullable public var pool: String?
    /// The volume, null without a view of that place.
    @Nullable public var volume: String?
    /// The `<disk>` element.
    @Nullable public var diskXML: String?
    /// The domain that it was attached to now, null where that was not asked.
    @Nullable public var domain: String?
    /// The device there.
    @Nullable public var device: String?

    enum CodingKeys: String, CodingKey {
      case pool, volume, domain, device
      case diskXML = "disk_xml"
    }

    /// A view; a place without one has nil.
    public init(pool: String?, volume: String?, diskXML: String?, domain: String? = nil, device: String? = nil) {
      self.pool = pool
      self.volume = volume
      self.diskXML = diskXML
      self.domain = domain
      self.device = device
    }
  }

  /// Version of the documents.
  public var version = 1
  /// The disk's name.
  public var name: String
  /// `rbd`, `qcow2` or `raw`.
  public var target: String
  /// The way by which its bytes came, null where a base was there already.
  @Nullable public var route: String?
  /// The location it came from, without credentials.
  @Nullable public var source: String?
  /// Size in bytes that the guest sees.
  public var size: Int64
  /// The base it stands on, null for a clone.
  @Nullable public var base: String?
  /// Where it lies: `pool/image`, or a path.
  public var path: String
  /// The image it was made from.
  public var image: String
  /// `created` or `existing`; null in `show`.
  @Nullable public var outcome: String?
  /// `making`, `ready` or `deleting`.
  public var state: String
  /// When it was made, RFC 3339.
  public var created: String
  /// The host that made it.
  @Nullable public var madeOn: String?
  /// What was verified of the bytes that it began with; null where nothing was.
  @Nullable public var evidence: EvidenceDocument?
  /// How libvirt finds it, null without libvirt.
  @Nullable public var libvirt: LibvirtView?
  /// The domains of this host that have it, in `list`; null where libvirt was not asked.
  @Nullable public var domains: [String]?
  /// How long it took; null in `show`.
  @Nullable public var seconds: Double?

  enum CodingKeys: String, CodingKey {
    case version, name, target, route, source, size, base, path, image, outcome, state, created, evidence, libvirt, domains, seconds
    case madeOn = "made_on"
  }

  /// A disk's document.
  public init(
    name: String, target: Target, route: Route?, source: String?, size: Int64, base: String?, path: String, image: String, outcome: String?,
    state: String, created: String, madeOn: String? = nil, evidence: Evidence? = nil, seconds: Double?
  ) {
    self.name = name
    self.target = target.rawValue
    self.route = route?.rawValue
    self.source = source
    self.size = size
    self.base = base
    self.path = path
    self.image = image
    self.outcome = outcome
    self.state = state
    self.created = created
    self.madeOn = madeOn
    self.evidence = evidence.map { EvidenceDocument($0) }
    self.libvirt = nil
    self.seconds = seconds
  }
}

/// What `slipway disk list --json` prints.
public struct DiskListDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The disks, by name.
  public var disks: [DiskDocument]
  /// What looks left over, for display only; null where libvirt was not asked.
  @Nullable public var leftovers: [Leftover]?
  /// Images in the pool that may be disks and cannot be looked at, by path.
  public var unreadable: [Unreadable]
  /// Places that could not be looked into, with the reason; the list lacks their disks.
  public var unavailable: [ErrorDocument.Body]

  /// What does not fit together.
  public struct Leftover: Codable, Sendable, Hashable {
    /// `no_local_domain`, `missing` or `foreign_overlay`.
    public var kind: String
    /// The disk: `pool/image`, or a path.
    public var path: String
    /// The domain whose disk is missing, else null.
    @Nullable public var domain: String?

    /// A leftover.
    public init(kind: String, path: String, domain: String?) {
      self.kind = kind
      self.path = path
      self.domain = domain
    }
  }

  /// An image that may be a disk and cannot be looked at.
  public struct Unreadable: Codable, Sendable, Hashable {
    /// Where it lies: `pool/image`.
    public var path: String
    /// Why it cannot be looked at.
    public var error: ErrorDocument.Body
  }

  /// A list.
  public init(
    disks: [DiskDocument], leftovers: [Leftover]? = nil, unreadable: [(path: String, error: SlipwayError)] = [], unavailable: [SlipwayError]
  ) {
    self.unreadable = unreadable.map { Unreadable(path: $0.path, error: ErrorDocument($0.error).error) }
    self.disks = disks
    self.leftovers = leftovers
    self.unavailable = unavailable.map { ErrorDocument($0).error }
  }
}

/// What `slipway disk resize --json` and `disk flatten --json` print.
public struct DiskChangeDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The disk's name.
  public var name: String
  /// Where it lies: `pool/image`, or a path.
  public var path: String
  /// Size in bytes that the guest sees now.
  public var size: Int64
  /// The base it stands on now, null for none and for a clone.
  @Nullable public var base: String?
  /// `resized`, `flattened` or `unchanged`.
  public var outcome: String
  /// The running domains that were told.
  public var domains: [String]
  /// How long it took.
  public var seconds: Double

  /// A change's document.
  public init(name: String, path: String, size: Int64, base: String?, outcome: String, domains: [String], seconds: Double) {
    self.name = name
    self.path = path
    self.size = size
    self.base = base
    self.outcome = outcome
    self.domains = domains
    self.seconds = seconds
  }
}

/// What `slipway disk delete --json` prints.
public struct DeletionDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// What was to go.
  public var name: String
  /// `deleted` or `absent`.
  public var outcome: String
  /// How long it took.
  public var seconds: Double

  /// A deletion's document.
  public init(name: String, deleted: Bool, seconds: Double) {
    self.name = name
    outcome = deleted ? "deleted" : "absent"
    self.seconds = seconds
  }
}
