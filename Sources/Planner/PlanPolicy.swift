public import Model

/// A Ceph cluster of the configuration, as far as planning needs it.
public struct KnownCluster: Sendable, Hashable {
  /// Its name in the configuration.
  public var name: String
  /// Its fsid, nil until the cluster has been asked.
  public var fsid: FSID?
  /// The pools that locations may name; nil allows all.
  public var imagePools: [String]?

  /// A cluster.
  public init(name: String, fsid: FSID? = nil, imagePools: [String]? = nil) {
    self.name = name
    self.fsid = fsid
    self.imagePools = imagePools
  }
}

/// Under which directories a `file` location may lie.
public enum FileRoots: Sendable, Hashable {
  /// Under these absolute paths; an empty list allows none.
  case listed([String])
  /// Anywhere, for paths that an administrator typed (a host without configuration); for others nowhere.
  case anywhereForOperator
}

/// The rules of this host that decide which routes are open.
public struct PlanPolicy: Sendable, Hashable {
  /// `allowed_direct_url_schemes`: of `rbd`, `file`, `cinder`.
  public var allowedSchemes: Set<String>
  /// All configured clusters.
  public var clusters: [KnownCluster]
  /// The name of the cluster that disks on RBD are made in, nil when there is none.
  public var targetCluster: String?
  /// Where `file` locations may lie.
  public var fileRoots: FileRoots
  /// What a permanent refusal of `clone` may cost.
  public var onNotCloneable: OnNotCloneable
  /// Whether a transient refusal may cost a download or a full copy.
  public var onDirectFailed: OnDirectFailed

  /// The id of the image service's store to which it may copy an image, nil for none.
  public var copyStore: String?
  /// `cinder.backends`: the host of a volume, as `host@backend#pool` or `host@backend`, to what lies behind it.
  public var volumeBackends: [String: VolumeBackend]

  /// A policy; the defaults are the configuration's.
  public init(
    allowedSchemes: Set<String> = ["rbd", "file"], clusters: [KnownCluster] = [], targetCluster: String? = nil,
    fileRoots: FileRoots = .listed([]), onNotCloneable: OnNotCloneable = .fallback, onDirectFailed: OnDirectFailed = .fail,
    copyStore: String? = nil, volumeBackends: [String: VolumeBackend] = [:]
  ) {
    self.allowedSchemes = allowedSchemes
    self.clusters = clusters
    self.targetCluster = targetCluster
    self.fileRoots = fileRoots
    self.onNotCloneable = onNotCloneable
    self.onDirectFailed = onDirectFailed
    self.copyStore = copyStore
    self.volumeBackends = volumeBackends
  }
}
