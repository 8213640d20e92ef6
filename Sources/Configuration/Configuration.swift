public import Model

/// All settings of one agent, checked. See `docs/configuration.md` for what each key means.
public struct Configuration: Sendable, Hashable {
  /// The Ceph clusters, in the file's order.
  public var clusters: [Cluster]
  /// Where disks are made.
  public var disks: Disks
  /// Bases in a pool.
  public var bases: Bases
  /// The local directory of bases.
  public var store: Store
  /// The layout of nova-compute's cache.
  public var nova: Nova
  /// What leaves the store.
  public var clean: Clean
  /// Reading bases again.
  public var scrub: Scrub
  /// Bringing images early.
  public var prewarm: Prewarm
  /// The image service.
  public var images: Images
  /// Images that are made of disks.
  public var upload: Upload
  /// `host@backend#pool` of Cinder to what lies behind it.
  public var cinderBackends: [String: CinderBackend]
  /// Which locations of the image service may be used directly: of `rbd`, `file`, `cinder`.
  public var allowedDirectURLSchemes: Set<String>
  /// Directories for `file` locations, absolute; empty allows none (see `anyOperatorPath`).
  public var fileRoots: [String]
  /// Whether paths that an administrator types are read wherever they lie: only with no configuration at all.
  public var anyOperatorPath: Bool
  /// What a lasting refusal of `clone` may cost.
  public var onNotCloneable: OnNotCloneable
  /// Whether an outage may cost a download or a full copy.
  public var onDirectFailed: OnDirectFailed
  /// Whether uploads of disks are clones in the image pool.
  public var enableCloneUpload: Bool
  /// What must be known about bytes.
  public var trust: Trust
  /// What libvirt is told; nil when there is none on this host.
  public var libvirt: Libvirt?
  /// The daemon's doors.
  public var api: API
  /// What one agent may use at once.
  public var limits: Limits
  /// Logging.
  public var log: Log

  /// The cluster of that name, nil when there is none.
  public func cluster(named name: String) -> Cluster? { clusters.first { $0.name == name } }

  init(_ reader: Reader, anyOperatorPath: Bool, isSharingSet: Bool, isLibvirtSet: Bool) throws(SlipwayError) {
    var clusters: [Cluster] = []
    for mapping in try reader.mappings("clusters") { clusters.append(try Cluster(mapping)) }
    self.clusters = clusters
    self.disks = try Disks(reader)
    self.bases = try Bases(reader)
    self.store = try Store(reader, isSharingSet: isSharingSet)
    self.nova = try Nova(reader)
    self.clean = try Clean(reader)
    self.scrub = try Scrub(reader)
    self.prewarm = try Prewarm(reader)
    self.images = try Images(reader)
    self.upload = try Upload(reader)
    self.cinderBackends = try CinderBackend.all(reader)
    self.allowedDirectURLSchemes = Set(try reader.strings("allowed_direct_url_schemes"))
    self.fileRoots = try reader.strings("file_roots")
    self.anyOperatorPath = anyOperatorPath
    self.onNotCloneable = try reader.word("on_not_cloneable")
    self.onDirectFailed = try reader.word("on_direct_failed")
    self.enableCloneUpload = try reader.bool("enable_clone_upload")
    self.trust = try Trust(reader)
    self.libvirt = try reader.string("libvirt.uri") == "none" ? nil : Libvirt(reader, isURISet: isLibvirtSet)
    self.api = try API(reader)
    self.limits = try Limits(reader)
    self.log = try Log(reader)
  }
}
