public import Model

/// What nova-compute's configuration says about its image cache.
public struct NovaSettings: Sendable, Hashable {
  /// Absolute path of the directory of instances, as Nova writes it into overlays.
  public let instancesPath: String
  /// The name of the cache in it.
  public let cacheName: String
  /// Whether Nova keeps every image as raw, or each as it is.
  public let forcesRaw: Bool

  /// Settings as they are. Throws `configuration` for a name that is no single component.
  public init(instancesPath: String, cacheName: String = "_base", forcesRaw: Bool = true) throws(SlipwayError) {
    guard instancesPath.hasPrefix("/") else {
      throw SlipwayError(.configuration, "Nova's instances_path '\(instancesPath)' is not absolute", object: instancesPath)
    }
    guard !cacheName.isEmpty, cacheName != ".", cacheName != "..", !cacheName.contains("/") else {
      throw SlipwayError(
        .configuration, "Nova's [image_cache] subdirectory_name '\(cacheName)' is not the name of a directory", object: cacheName)
    }
    var path = instancesPath
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.instancesPath = path
    self.cacheName = cacheName
    self.forcesRaw = forcesRaw
  }

  /// Reads nova.conf and, where they are, `nova-compute.conf` beside it and `nova.conf.d/*.conf`, later ones over earlier ones, as nova-compute
  /// does when it is started without `--config-file`. `instancesPath` overrides what they say: a containerised Nova knows another path than
  /// the host. Blocks.
  ///
  /// Throws `configuration` when the file is missing or wrong, or leaves the path open; `store_refused` when Nova's disks do not grow from files.
  public static func load(conf: String, instancesPath: String?) throws -> NovaSettings {
    guard let nova = try NovaConf.load(conf) else {
      throw SlipwayError(
        .configuration, "\(conf) is not there, and store.layout: nova goes by it", object: conf,
        hint: "give nova-compute's configuration file with nova.conf")
    }
    return try NovaSettings(nova, conf: conf, instancesPath: instancesPath)
  }

  init(_ nova: NovaConf, conf: String, instancesPath: String?) throws(SlipwayError) {
    let kind = try nova.value("libvirt", "images_type") ?? "default"
    switch kind {
    case "default", "qcow2", "flat", "raw": break
    case "rbd":
      throw SlipwayError(
        .storeRefused,
        "nova-compute keeps its disks in RBD (\(conf): images_type = rbd): a file in its cache would turn every clone into a full import",
        object: conf, hint: "use store.layout: native")
    default:
      throw SlipwayError(
        .storeRefused, "nova-compute's images_type '\(kind)' (\(conf)) grows no disks from files that we know to make", object: conf,
        hint: "use store.layout: native")
    }
    let path: String
    if let instancesPath {
      path = instancesPath
    } else if let told = try nova.value("DEFAULT", "instances_path") {
      path = told
    } else if let state = try nova.value("DEFAULT", "state_path") {
      path = state + "/instances"
    } else {
      throw SlipwayError(
        .configuration, "\(conf) sets neither instances_path nor state_path", object: conf,
        hint: "give nova.instances_path (mostly /var/lib/nova/instances)")
    }
    let name = try nova.value("image_cache", "subdirectory_name")
    let former = try nova.value("DEFAULT", "image_cache_subdirectory_name")
    try self.init(
      instancesPath: path, cacheName: name ?? former ?? "_base", forcesRaw: try nova.flag("DEFAULT", "force_raw_images") ?? true)
  }
}
