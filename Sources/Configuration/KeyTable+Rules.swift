extension KeyTable {
  static let images: [Key] = [
    Key("images.cloud", .string, "slipway", nullable: true, "The entry of clouds.yaml; null takes the cloud that the environment names."),
    Key(
      "images.endpoint", .url, "null", nullable: true, "The image service's URL where it asks for no authentication, instead of `cloud`."),
    Key(
      "images.on_service_down", .choice(["refuse", "serve-cached"]), "refuse",
      "What a request for an image id gets while the image service is down and a base is there; a request with a token is refused in either case."
    ),
    Key(
      "images.prefer_stores", .list(.string), "[]",
      "Ids of stores from which the image service is asked to read first when an image is downloaded through it; one that it does not have is an error."
    ),
    Key(
      "images.copy_store", .string, "null", nullable: true,
      "The id of a store of the image service in the disks' cluster, to which it is asked to copy an image (`on_not_cloneable: copy-to-store`)."
    ),
  ]

  static let upload: [Key] = [
    Key(
      "upload.store", .string, "null", nullable: true,
      "The id of the image service's store for images that are made of disks; null is the service's default one."),
    Key(
      "upload.flatten", .choice(["background", "before", "never"]), "background",
      "When an image that was uploaded by clone is freed from its disk: `background` is the next cleaning; `before` is before it can be used, and the image service need not read the disks' pool; `never` leaves it a clone, and a deleted disk lies in the trash until the image is removed."
    ),
    Key("upload.rate", .rate, "100M", "How fast an image is freed from its disk in the background, in bytes of data; 0 is no limit."),
  ]

  static let routes: [Key] = [
    Key(
      "allowed_direct_url_schemes", .list(.choice(["rbd", "file", "cinder"])), "[rbd, file]",
      "Which locations of the image service may be used directly, past the service."),
    Key("file_roots", .list(.path), "[]", "Directories under which `file` locations may lie; none by default."),
    Key(
      "on_not_cloneable", .choice(["fallback", "copy-to-store", "fail"]), "fallback",
      "What a lasting refusal of `clone` may cost: a base in the pool, a copy made by the image service, or nothing."),
    Key(
      "on_direct_failed", .choice(["fail", "fallback"]), "fail",
      "Whether an outage of a direct route may lead to a download or a full copy. `fail` keeps an outage from becoming a herd."),
    Key(
      "enable_clone_upload", .bool, "false",
      aliases: ["enable_clone_optimization", "image_upload_use_cinder_backend", "image_upload_use_internal_tenant"],
      "Whether a disk in RBD is uploaded by a clone in the image pool, where it can be. Nobody has hashed such an image's bytes when it becomes usable; see docs/uploads.md."
    ),
  ]

  static let limits: [Key] = [
    Key("limits.memory", .size(atLeast: 8 << 20), "128M", "Bytes in flight, all transfers together; at least 8M."),
    Key("limits.transfers", .int(1...256), "4", "How many images are moved at once."),
    Key("limits.convert_time", .duration(1...86_400), "1h", "The most that qemu-img may take to convert one image; then it is ended."),
    Key("limits.rate", .rate, "0", effect: .later, "How fast they are read, all together."),
  ]

  static let log: [Key] = [
    Key(
      "log.level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), "info", "What is logged: this and worse."),
    Key("log.format", .choice(["auto", "text", "json"]), "auto", "`auto` is text on a terminal and JSON elsewhere."),
  ]
}
