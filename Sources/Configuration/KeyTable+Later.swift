extension KeyTable {
  static let nova: [Key] = [
    Key(
      "nova.conf", .path, "/etc/nova/nova.conf",
      "Read for images_type, force_raw_images, instances_path and the cache's name, with nova-compute.conf and nova.conf.d/*.conf beside it."
    ),
    Key(
      "nova.instances_path", .path, "null", nullable: true,
      "Nova's instances_path as this host sees it, for a containerised Nova; null reads it from nova.conf."),
    Key(
      "nova.uid", .int(0...4_294_967_294), "null", nullable: true,
      "Owner of bases and lock files; null is the owner of Nova's directories."),
    Key("nova.gid", .int(0...4_294_967_294), "null", nullable: true, "Their group, likewise."),
    Key("nova.clean", .bool, "false", "Whether cleaning may remove bases that nova-compute made, too."),
  ]

  static let clean: [Key] = [
    Key("clean.every", .duration(0...31_536_000), "40m", "Time between two cleanings by the daemon; 0 is never."),
    Key("clean.unused_for", .duration(0...315_360_000), "24h", "A base may go when nothing has used it for this long."),
    Key("clean.min_age", .duration(0...315_360_000), "1h", "A base younger than this stays, whatever else holds."),
    Key("clean.max_bytes", .size(atLeast: 0), "200G", "How much the store may take; 0 is no limit."),
    Key("clean.min_free", .sizeOrPercent, "10%", "How much of the store's file system stays free."),
    Key("clean.max_count", .int(0...10_000_000), "0", "How many bases the store may hold; 0 is no limit."),
    Key("clean.quarantine", .duration(0...315_360_000), "14d", "How long a damaged base is kept in quarantine, for a look at it."),
  ]

  static let scrub: [Key] = [
    Key("scrub.every", .duration(0...315_360_000), "30d", "Time within which every base is read again once; 0 is never."),
    Key("scrub.rate", .rate, "50M", "How fast the whole store is verified."),
  ]

  static let prewarmSetKeys: [Key] = [
    Key("name", .name, nil, "What the set is called."),
    Key("tag", .string, "null", nullable: true, "Every image with this tag; or give `images`."),
    Key("images", .list(.string), "null", nullable: true, "Images by id or unique name; or give `tag`."),
    Key(
      "every", .duration(0...31_536_000), "0", "Time between two looks at the set; 0 is only at boot and on request."),
    Key("at_boot", .bool, "false", "Whether the set is brought when the daemon starts."),
    Key("keep", .duration(0...315_360_000), "0", "How long its bases are pinned at each look; 0 pins nothing."),
  ]

  static let prewarm: [Key] = [
    Key("prewarm.jobs", .int(1...64), "2", "How many images are brought at once."),
    Key("prewarm.rate", .rate, "0", "How fast, all together."),
    Key("prewarm.sets", .mappings(prewarmSetKeys), "[]", "Sets of images that are kept warm: `slipway prewarm --set NAME`."),
  ]

  static let cinderBackendKeys: [Key] = [
    Key("cluster", .name, "main", "The cluster behind the backend."),
    Key("pool", .string, nil, "The pool behind the backend."),
  ]

  static let cinder: [Key] = [
    Key(
      "cinder.backends", .table(cinderBackendKeys), "{}",
      "`host@backend#pool` or `host@backend` of Cinder, as `openstack volume show` tells an administrator, each with `cluster` and `pool`. `user` writes that pool."
    )
  ]

  static let libvirt: [Key] = [
    Key("libvirt.uri", .string, "qemu:///system", "Whom to tell, and to ask who uses what; `none` when there is no libvirt on this host."),
    Key("libvirt.pool", .name, "slipway", "The directory pool over the store; one that somebody else defined over it is used instead."),
    Key("libvirt.rbd_pool", .name, "null", nullable: true, "An RBD pool of libvirt as a view of disks.pool; null is none."),
    Key(
      "libvirt.secret", .string, "client.slipway secret",
      "The usage name of the cephx secret in libvirt; a name, not the key."),
    Key("libvirt.create_secret", .bool, "false", "Whether the secret is defined when it is missing."),
  ]

  static let api: [Key] = [
    Key("api.socket", .path, "/run/slipway/slipway.sock", "The Unix socket of the daemon; verbs go through it when it is there."),
    Key("api.group", .string, "slipway", "The group that may talk to it; where there is none of that name, only the daemon's user may."),
    Key("api.mode", .string, "0660", "The socket's mode, octal; others are never let in."),
    Key("api.read_socket", .path, "null", nullable: true, "A second Unix socket, through which nothing can be changed; null is none."),
    Key("api.read_group", .string, "slipway", "The group that may read there."),
    Key("api.tcp", .string, "null", nullable: true, effect: .later, "`host:port` to listen on as well; null is none."),
    Key(
      "api.metrics", .string, "null", nullable: true,
      "`host:port` where `/metrics` and `/healthz` alone are answered, over TCP; null is none."),
    Key(
      "api.allow_locations", .bool, "false",
      "Whether a caller of the API may name a location URL instead of an image: of `allowed_direct_url_schemes`, and within `file_roots`."),
  ]
}
