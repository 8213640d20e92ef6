internal import Model

/// Which option becomes which key. Rule: nova's `conf/libvirt.py`, `conf/imagecache.py`, `conf/glance.py`, `conf/compute.py`, `conf/workarounds.py`;
/// glance_store's options of its RBD and file drivers.
extension NovaImport {
  init(_ nova: NovaConf, _ path: String, glance: NovaConf?, _ glancePath: String?) throws(SlipwayError) {
    self.nova = path
    self.glance = glancePath
    var (clusters, disks, store, ours, clean, prewarm, trust, libvirt, images, top) = (
      Lines("clusters[]"), Lines("disks"), Lines("store"), Lines("nova"), Lines("clean"), Lines("prewarm"), Lines("trust"),
      Lines("libvirt"),
      Lines("images"), Lines("")
    )
    let options = Options(conf: nova, path: path)

    let kind = try options.value("libvirt", "images_type") ?? "default"
    let isRBD = kind == "rbd"
    let instances = try Self.instances(options)
    switch kind {
    case "rbd": disks.add("target", "rbd", from: options.name("libvirt", "images_type"), kind, &self)
    case "raw", "flat": disks.add("target", "raw", from: options.name("libvirt", "images_type"), kind, &self)
    case "qcow2": disks.add("target", "qcow2", from: options.name("libvirt", "images_type"), kind, &self)
    case "default":
      let cows = try options.flag("DEFAULT", "use_cow_images") ?? true
      disks.add("target", cows ? "qcow2" : "raw", from: options.name("DEFAULT", "use_cow_images"), cows ? "true" : "false", &self)
    default:
      leave(options.name("libvirt", "images_type"), kind, "no disks are made there; say in disks.target what they are to be made on")
    }

    try readClusters(options, isRBD, glance.map { Options(conf: $0, path: glancePath ?? "glance-api.conf") }, &clusters, &disks)

    if let instances {
      disks.add("roots", "[\(Self.quoted(instances.path))]", from: instances.option, instances.path, &self)
      if ["default", "qcow2", "raw", "flat"].contains(kind) {
        store.add("path", Self.quoted(instances.path + "/.slipway"), from: instances.option, instances.path, &self)
        store.add("layout", "nova", from: options.name("libvirt", "images_type"), kind, &self)
        ours.add("conf", Self.quoted(path), from: nil, path, &self)
      }
    }

    if let age = try options.value("image_cache", "remove_unused_original_minimum_age_seconds") {
      clean.add("unused_for", "\(age)s", from: options.name("image_cache", "remove_unused_original_minimum_age_seconds"), age, &self)
    }
    if try options.flag("image_cache", "remove_unused_base_images") ?? true, !isRBD {
      leave(
        options.name("image_cache", "remove_unused_base_images"), "true",
        "Nova goes on removing bases that it thinks unused; set it to false there and nova.clean to true here, and one of the two cleans")
    }
    if let jobs = try options.value("image_cache", "precache_concurrency") {
      prewarm.add("jobs", jobs, from: options.name("image_cache", "precache_concurrency"), jobs, &self)
    }

    if try options.flag("glance", "verify_glance_signatures") ?? false {
      trust.add("signature", "required", from: options.name("glance", "verify_glance_signatures"), "true", &self)
    }
    if let list = try options.value("glance", "default_trusted_certificate_ids") {
      let ids = list.split(separator: ",").map { Self.quoted(String($0.filter { !$0.isWhitespace })) }.filter { $0 != "\"\"" }
      let name = options.name("glance", "default_trusted_certificate_ids")
      if try options.flag("glance", "enable_certificate_validation") ?? false {
        if !ids.isEmpty { trust.add("trusted", "[\(ids.joined(separator: ", "))]", from: name, list, &self) }
      } else {
        leave(name, list, "Nova does not look at it without enable_certificate_validation; the key is trust.trusted")
      }
    }

    if let uri = try options.value("libvirt", "connection_uri"), !uri.isEmpty {
      libvirt.add("uri", Self.quoted(uri), from: options.name("libvirt", "connection_uri"), uri, &self)
    }
    if let uuid = try options.value("libvirt", "rbd_secret_uuid") {
      leave(
        options.name("libvirt", "rbd_secret_uuid"), uuid,
        "secrets are found by their usage name: 'virsh secret-list' tells it, libvirt.secret takes it")
    }

    if let name = try options.value("libvirt", "images_rbd_glance_store_name"), !name.isEmpty {
      images.add("copy_store", Self.quoted(name), from: options.name("libvirt", "images_rbd_glance_store_name"), name, &self)
      top.add("on_not_cloneable", "copy-to-store", from: options.name("libvirt", "images_rbd_glance_store_name"), name, &self)
    } else if try options.flag("workarounds", "never_download_image_if_on_rbd") ?? false {
      top.add("on_not_cloneable", "fail", from: options.name("workarounds", "never_download_image_if_on_rbd"), "true", &self)
    }
    try leaveTheRest(options)

    sections = [clusters, disks, store, ours, clean, prewarm, images, trust, libvirt].filter { !$0.lines.isEmpty }.map {
      ($0.name, $0.lines)
    }
    // What stands at the top comes first: behind a section it would be read as part of it.
    if !top.lines.isEmpty { sections.insert(("", top.lines), at: 0) }
  }

  /// Where instances lie, and which option says so.
  private static func instances(_ options: Options) throws(SlipwayError) -> (path: String, option: String)? {
    if let path = try options.value("DEFAULT", "instances_path") { return (path, options.name("DEFAULT", "instances_path")) }
    if let state = try options.value("DEFAULT", "state_path") { return (state + "/instances", options.name("DEFAULT", "state_path")) }
    return nil
  }

  mutating func leave(_ option: String, _ value: String, _ why: String) { left.append(Left(option: option, value: value, why: why)) }

  /// What a disk of Nova's may be and one of ours is not, and what is told elsewhere.
  private mutating func leaveTheRest(_ options: Options) throws(SlipwayError) {
    if try options.flag("ephemeral_storage_encryption", "enabled") ?? false {
      leave(options.name("ephemeral_storage_encryption", "enabled"), "true", "disks made here are not encrypted")
    }
    if let type = try options.value("libvirt", "virt_type"), !["kvm", "qemu"].contains(type) {
      leave(options.name("libvirt", "virt_type"), type, "disks are made for QEMU")
    }
    if let discard = try options.value("libvirt", "hw_disk_discard") {
      leave(options.name("libvirt", "hw_disk_discard"), discard, "it is an option of each disk: slipway disk create --discard \(discard)")
    }
    if let modes = try options.value("libvirt", "disk_cachemodes") {
      leave(options.name("libvirt", "disk_cachemodes"), modes, "the cache of a disk follows from where it lies; no key says otherwise")
    }
    for key in ["api_servers", "endpoint_override"] {
      if let endpoint = try options.value("glance", key) {
        leave(
          options.name("glance", key), endpoint,
          "the image service is found by the catalog of the cloud that images.cloud names; clouds.yaml may override it (image_endpoint_override)"
        )
      }
    }
    leave(
      "\(options.path) [service_user], [keystone_authtoken]", "",
      "credentials are not read; write a cloud 'slipway' into /etc/openstack/clouds.yaml, readable by the user slipway alone")
  }

  /// A double-quoted scalar of YAML.
  static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n").replacing("\t", with: "\\t") + "\""
  }
}
