internal import Model

/// The clusters: the disks' one as nova-compute reaches it, with the pools in which the image service keeps images.
extension NovaImport {
  /// A cluster with what is known of its images.
  private struct Cluster {
    var name: String
    var conf: String
    var lines: [(key: String, setting: String, option: String?, value: String)] = []
    var pools: [(name: String, option: String)] = []

    mutating func addPool(_ pool: String, _ option: String) {
      if !pools.contains(where: { $0.name == pool }) { pools.append((pool, option)) }
    }
  }

  mutating func readClusters(
    _ options: Options, _ isRBD: Bool, _ glance: Options?, _ clusters: inout Lines, _ disks: inout Lines
  ) throws(SlipwayError) {
    var found: [Cluster] = []
    func index(_ conf: String, _ option: String?, _ name: String) -> Int {
      if let known = found.firstIndex(where: { $0.conf == conf }) { return known }
      var cluster = Cluster(name: found.isEmpty ? "main" : name, conf: conf)
      cluster.lines.append(("conf", Self.quoted(conf), option, conf))
      found.append(cluster)
      return found.count - 1
    }
    let standard = "/etc/ceph/ceph.conf"

    if isRBD {
      let told = try options.value("libvirt", "images_rbd_ceph_conf").flatMap { $0.isEmpty ? nil : $0 }
      let main = index(told ?? standard, told == nil ? nil : options.name("libvirt", "images_rbd_ceph_conf"), "main")
      if let user = try options.value("libvirt", "rbd_user"), !user.isEmpty {
        found[main].lines.append(("user", Self.quoted(user), options.name("libvirt", "rbd_user"), user))
      } else {
        leave(
          options.name("libvirt", "rbd_user"), "",
          "Nova connects as Ceph's administrator; make users of our own: /usr/share/slipway/make-users")
      }
      if let seconds = try options.value("libvirt", "rbd_connect_timeout"), let number = Int(seconds), number > 0 {
        found[main].lines.append(("timeout", "\(number)s", options.name("libvirt", "rbd_connect_timeout"), seconds))
      }
      let pool = try options.value("libvirt", "images_rbd_pool")
      disks.add("pool", Self.quoted(pool ?? "rbd"), from: options.name("libvirt", "images_rbd_pool"), pool ?? "rbd", &self)
    }

    // What nova-compute itself reads images from, with a user of its own.
    if try options.flag("glance", "enable_rbd_download") ?? false {
      let told = try options.value("glance", "rbd_ceph_conf").flatMap { $0.isEmpty ? nil : $0 }
      let images = index(told ?? standard, told == nil ? nil : options.name("glance", "rbd_ceph_conf"), "images")
      if let user = try options.value("glance", "rbd_user"), !user.isEmpty {
        // Where nothing else is done there, it is the only one that this host has.
        let key = found[images].lines.contains { $0.key == "user" } ? "image_user" : "user"
        found[images].lines.append((key, Self.quoted(user), options.name("glance", "rbd_user"), user))
      }
      if let pool = try options.value("glance", "rbd_pool"), !pool.isEmpty {
        found[images].addPool(pool, options.name("glance", "rbd_pool"))
      }
    }

    if let glance {
      try readStores(glance) { conf, pool, option in
        found[index(conf ?? standard, conf == nil ? nil : option, "images")].addPool(pool, option)
      }
      if try !(glance.flag("DEFAULT", "show_multiple_locations") ?? false), try !(glance.flag("DEFAULT", "show_image_direct_url") ?? false)
      {
        leave(
          glance.name("DEFAULT", "show_multiple_locations"), "false",
          "no location is shown, unless our user has the role 'service' (Glance 2.17 and later); 'slipway doctor' tells whether it is")
      }
    }

    for (number, cluster) in found.enumerated() {
      clusters.lines.append(Line(key: "name", setting: cluster.name, option: nil))
      for line in cluster.lines {
        clusters.add(line.key, line.setting, from: line.option, line.value, &self, as: "clusters[\(number)].\(line.key)")
      }
      let pools = cluster.pools
      guard let first = pools.first else { continue }
      clusters.add(
        "image_pools", "[\(pools.map { Self.quoted($0.name) }.joined(separator: ", "))]", from: first.option,
        pools.map(\.name).joined(separator: ", "), &self, as: "clusters[\(number)].image_pools")
    }
  }

  /// The stores of glance-api.conf: those of `enabled_backends`, else the one of `[glance_store]`. `add` gets ceph.conf (nil for the default), pool, option.
  private mutating func readStores(
    _ glance: Options, add: (_ conf: String?, _ pool: String, _ option: String) throws(SlipwayError) -> Void
  ) throws(SlipwayError) {
    var stores: [(group: String, kind: String)] = []
    for text in (try glance.value("DEFAULT", "enabled_backends") ?? "").split(separator: ",") {
      let parts = text.filter { !$0.isWhitespace }.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { stores.append((String(parts[0]), String(parts[1]))) }
    }
    if stores.isEmpty {
      let kinds = (try glance.value("glance_store", "stores") ?? "").split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
      stores = kinds.map { ("glance_store", $0) }
    }
    for (group, kind) in stores {
      switch kind {
      case "rbd":
        let conf = try glance.value(group, "rbd_store_ceph_conf").flatMap { $0.isEmpty ? nil : $0 }
        let pool = try glance.value(group, "rbd_store_pool") ?? "images"
        try add(conf, pool, glance.name(group, "rbd_store_pool"))
      case "file", "filesystem":
        if let directory = try glance.value(group, "filesystem_store_datadir") {
          leave(
            glance.name(group, "filesystem_store_datadir"), directory,
            "where the same directory is mounted on this host: file_roots: [\(directory)]")
        }
      case "cinder":
        leave(glance.name(group, "cinder_volume_type"), "", "which pool lies behind a backend of Cinder is told by cinder.backends")
      default: break
      }
    }
  }
}
