/// All keys, in the order in which they are shown and documented.
public enum KeyTable {
  /// Every key that a file may hold.
  public static let keys: [Key] =
    clusters + disks + bases + store + nova + clean + scrub + prewarm + images + upload + cinder + routes + trust + libvirt + api + limits
    + log

  /// Sections by name, each with what it is about, in the order of the documentation.
  static let sections: [(name: String, doc: String)] = [
    ("clusters", "The Ceph clusters that this host may read from and make disks in. The only part that a file must have before RBD works."),
    ("disks", "Where disks are made."),
    ("bases", "Bases in an RBD pool: images that cannot be cloned where they lie, imported once."),
    ("store", "The local directory of bases."),
    ("nova", "A store in the layout of nova-compute's image cache."),
    ("clean", "What leaves the store, and when."),
    ("scrub", "Reading bases again to see whether they are still what was verified."),
    ("prewarm", "Bringing images before they are asked for."),
    ("images", "The image service: an entry of clouds.yaml, or an endpoint that asks for no authentication. Secrets stay in clouds.yaml."),
    ("upload", "Images that are made of disks."),
    ("cinder", "Which pool lies behind a Cinder backend."),
    ("", "Which routes are open, and what a refusal may cost."),
    ("trust", "What must be known about bytes before they are used."),
    ("libvirt", "What libvirt is told."),
    ("api", "The daemon's doors."),
    ("limits", "What one agent may use at once."),
    ("log", "What is logged, and how."),
  ]

  static let clusterKeys: [Key] = [
    Key("name", .name, nil, "What the cluster is called in this file."),
    Key("conf", .path, "/etc/ceph/ceph.conf", "Its ceph.conf, which may name the keyring."),
    Key("fsid", .fsid, "null", nullable: true, "Its id; given here it is known even while the cluster is down."),
    Key("user", .cephUser, "slipway", "Opens disks and makes clones; needs to read image_pools."),
    Key("image_user", .cephUser, "null", nullable: true, "For export and verification only; null uses `user`."),
    Key(
      "upload_user", .cephUser, "null", nullable: true,
      "May write image_pools and read the pools of disks and volumes, for uploads by clone; null switches those off."),
    Key("image_pools", .list(.string), "[images]", "The pools that locations may name."),
    Key("timeout", .duration(1...600), "30s", "How long a single answer of the cluster may take."),
  ]

  static let clusters: [Key] = [Key("clusters", .mappings(clusterKeys), "[]", "One mapping for each cluster.")]

  static let disks: [Key] = [
    Key("disks.target", .choice(["rbd", "qcow2", "raw"]), "rbd", "What a disk is made on when the request does not say."),
    Key("disks.cluster", .name, "main", "The cluster for disks on RBD."),
    Key("disks.pool", .string, "vms", "The pool for disks on RBD."),
    Key(
      "disks.data_pool", .string, "null", nullable: true,
      "Pool for the data of disks on RBD, such as an erasure-coded one; null is the pool itself."),
    Key(
      "disks.max_depth", .int(0...32), "5",
      "How many ancestors a disk on RBD may have; one that would have more is flattened before it is handed out. 0 is no limit."),
    Key("disks.flattens", .int(1...64), "3", "How many disks on RBD one agent flattens at once."),
    Key(
      "disks.deferred_deletion", .bool, "false",
      "Whether the deletion of a disk on RBD ends when its image is in the trash, and `slipway cache clean` frees its space: as fast for large disks as for small ones."
    ),
    Key(
      "disks.busy_wait", .duration(0...600), "35s",
      "How long a deletion waits for whoever has a disk on RBD open: a dead client is given up by Ceph after 30 s."),
    Key("disks.path", .path, "/var/lib/slipway/disks", "The directory for qcow2 and raw disks."),
    Key(
      "disks.roots", .list(.path), "[/var/lib/nova/instances]",
      "Further directories in which overlays on our bases may lie; cleaning reads the headers there."),
  ]

  static let tierKeys: [Key] = [
    Key("name", .name, nil, "What the tier is called: `--tier` asks for it by name, and for `bases.pool` by `default`."),
    Key("pool", .string, nil, "Its pool, in the cluster `bases.cluster`."),
    Key("data_pool", .string, "null", nullable: true, "Pool for the data of its bases; null is the pool itself."),
    Key("max_bytes", .size(atLeast: 0), "0", "As `bases.max_bytes`, of this tier."),
    Key("max_count", .int(0...1_000_000), "0", "As `bases.max_count`, of this tier."),
    Key(
      "max_image", .size(atLeast: 0), "0",
      "Takes images of which a guest sees at most so much, where the image service tells it; 0 is any size."),
    Key("owners", .list(.string), "null", nullable: true, "Takes images of these projects, by id; null is of any."),
    Key(
      "tags", .list(.string), "null", nullable: true,
      "Takes images that have one of these tags; null is any. A tier without `max_image`, `owners` and `tags` takes only what is asked for it by name."
    ),
  ]

  static let bases: [Key] = [
    Key("bases.cluster", .name, "main", "The cluster for bases in a pool; only bases in the disks' own cluster can be cloned."),
    Key("bases.pool", .string, "slipway-bases", "The pool for them, which `user` of the cluster must be allowed to write."),
    Key(
      "bases.data_pool", .string, "null", nullable: true,
      "Pool for their data, such as an erasure-coded one; null is the pool itself."),
    Key("bases.max_bytes", .size(atLeast: 0), "0", "How much they may take together, as written and before replication; 0 is no limit."),
    Key("bases.max_count", .int(0...1_000_000), "0", "How many there may be; 0 is no limit."),
    Key(
      "bases.on_used", .choice(["keep", "trash"]), "keep",
      "What becomes of a base that is over a limit or purged while disks stand on it: it stays, or moves to the trash of its pool, where its disks live on and its space comes free with the last of them."
    ),
    Key(
      "bases.tiers", .mappings(tierKeys), "[]",
      "Further pools, each for the images that its rule names; the first whose rule holds takes an image."),
  ]

  static let store: [Key] = [
    Key("store.path", .path, "/var/lib/slipway/images", "The directory; its file system also holds what is half-made."),
    Key(
      "store.layout", .choice(["native", "nova"]), "native",
      "`nova` keeps bases where an unmodified nova-compute looks for them."),
    Key(
      "store.base_format", .choice(["qcow2", "raw"]), "qcow2", "The format of bases made from raw images; qcow2 images stay what they are."),
    Key(
      "store.immutable", .choice(["auto", "on", "off"]), "auto",
      "Whether bases of the native layout become root's and get the immutable flag of their file system, where it has one. `auto` leaves it off where SELinux is there, since libvirt must label them."
    ),
    Key(
      "store.shared", .bool, "false",
      "Whether other hosts use this directory too; then this host evicts nothing. On a file system that hosts can share (NFS, CephFS, …) nothing is evicted either until `false` is written down, which says that the store is this host's alone."
    ),
  ]
}
