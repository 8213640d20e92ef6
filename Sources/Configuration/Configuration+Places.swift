public import Model

extension Configuration {
  /// A Ceph cluster.
  public struct Cluster: Sendable, Hashable {
    /// Its name in the configuration, unique.
    public var name: String
    /// Its ceph.conf, absolute.
    public var conf: String
    /// Its id, nil until it is asked.
    public var fsid: FSID?
    /// The cephx id that opens disks, without `client.`.
    public var user: String
    /// The cephx id for export and verification; the same as `user` unless configured.
    public var imageUser: String
    /// The cephx id that may write image pools, nil for none.
    public var uploadUser: String?
    /// The pools that locations may name; nil allows all (only with no configuration).
    public var imagePools: [String]?
    /// How long one answer may take.
    public var timeout: Duration

    init(_ reader: Reader) throws(SlipwayError) {
      name = try reader.string("name")
      conf = try reader.string("conf")
      fsid = try reader.optionalString("fsid").flatMap { FSID($0) }
      let user = try reader.string("user")
      self.user = user
      imageUser = try reader.optionalString("image_user") ?? user
      uploadUser = try reader.optionalString("upload_user")
      imagePools = try reader.optionalStrings("image_pools")
      timeout = try reader.duration("timeout")
    }
  }

  /// Where disks are made.
  public struct Disks: Sendable, Hashable {
    /// What a disk is made on when the request does not say.
    public var target: Target
    /// The cluster's name for disks on RBD.
    public var cluster: String
    /// The pool for disks on RBD.
    public var pool: String
    /// The pool for their data, nil for the same.
    public var dataPool: String?
    /// How many ancestors a disk on RBD may have, 0 for any number.
    public var maxDepth: Int
    /// How many disks on RBD are flattened at once.
    public var flattens: Int
    /// Whether a deletion of a disk on RBD leaves its data to the next cleaning.
    public var deferredDeletion: Bool
    /// How long a deletion waits for whoever has the disk open.
    public var busyWait: Duration
    /// The directory for local disks, absolute.
    public var path: String
    /// Further directories with overlays, absolute.
    public var roots: [String]

    init(_ reader: Reader) throws(SlipwayError) {
      target = try reader.word("disks.target")
      cluster = try reader.string("disks.cluster")
      pool = try reader.string("disks.pool")
      dataPool = try reader.optionalString("disks.data_pool")
      maxDepth = try reader.int("disks.max_depth")
      flattens = try reader.int("disks.flattens")
      deferredDeletion = try reader.bool("disks.deferred_deletion")
      busyWait = try reader.duration("disks.busy_wait")
      path = try reader.string("disks.path")
      roots = try reader.strings("disks.roots")
    }
  }

  /// The local directory of bases.
  public struct Store: Sendable, Hashable {
    /// How names and places are chosen.
    public enum Layout: String, Sendable, Hashable { case native, nova }
    /// Whether bases get the immutable flag.
    public enum Immutable: String, Sendable, Hashable { case auto, on, off }

    /// The directory, absolute.
    public var path: String
    /// How names and places are chosen.
    public var layout: Layout
    /// `qcow2` or `raw`: what raw images become.
    public var baseFormat: Target
    /// Whether bases get the immutable flag.
    public var immutable: Immutable
    /// Whether other hosts use the directory too.
    public var shared: Bool
    /// Whether somebody wrote down that they don't, so that cleaning may believe it of a file system that hosts can share.
    public var isOwned: Bool

    init(_ reader: Reader, isSharingSet: Bool) throws(SlipwayError) {
      path = try reader.string("store.path")
      layout = try reader.word("store.layout")
      baseFormat = try reader.word("store.base_format")
      immutable = try reader.word("store.immutable")
      shared = try reader.bool("store.shared")
      isOwned = isSharingSet && !shared
    }
  }

  /// The layout of nova-compute's cache.
  public struct Nova: Sendable, Hashable {
    /// Its nova.conf, absolute.
    public var conf: String
    /// Its instances_path, nil to read it from nova.conf.
    public var instancesPath: String?
    /// Owner of bases, nil to leave it.
    public var uid: Int?
    /// Group of bases, nil to leave it.
    public var gid: Int?
    /// Whether we clean there.
    public var clean: Bool

    init(_ reader: Reader) throws(SlipwayError) {
      conf = try reader.string("nova.conf")
      instancesPath = try reader.optionalString("nova.instances_path")
      uid = try reader.optionalInt("nova.uid")
      gid = try reader.optionalInt("nova.gid")
      clean = try reader.bool("nova.clean")
    }
  }
}
