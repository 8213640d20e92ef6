/// What holds on a host without any configuration file: enough to fetch a path, a URL, or an RBD snapshot of the cluster at hand.
struct EmbeddedDefaults {
  let values: [String: ConfigurationValue]

  /// From the environment (`XDG_STATE_HOME`, `CEPH_CONF`, `CEPH_ARGS`), the user's home, and whether a file can be read.
  init(environment: [String: String], home: String, isReadable: (String) -> Bool) {
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(home)/.local/state"
    var values: [String: ConfigurationValue] = [
      "store.path": .string("\(state)/slipway/images"),
      "disks.path": .string("\(state)/slipway/disks"),
      "disks.target": .string("qcow2"),
      "disks.roots": .list([]),
      "libvirt.uri": .string("none"),
      "images.cloud": .null,
    ]
    let arguments = Self.cephArguments(environment["CEPH_ARGS"] ?? "")
    let conf = arguments.conf ?? environment["CEPH_CONF"] ?? "/etc/ceph/ceph.conf"
    if conf.hasPrefix("/"), isReadable(conf) {
      values["clusters"] = .list([
        .mapping([
          .init(key: "name", value: .string("main")),
          .init(key: "conf", value: .string(conf)),
          .init(key: "fsid", value: .null),
          .init(key: "user", value: .string(arguments.user ?? "admin")),
          .init(key: "image_user", value: .null),
          .init(key: "upload_user", value: .null),
          // Null is any pool: who has no configuration is an administrator who names the locations.
          .init(key: "image_pools", value: .null),
          .init(key: "timeout", value: .duration(seconds: 30, text: "30s")),
        ])
      ])
    }
    self.values = values
  }

  /// The cephx id and ceph.conf that `CEPH_ARGS` names, as the tools of Ceph read it (`--id`, `--user`, `-n`, `--name`, `-c`, `--conf`).
  static func cephArguments(_ text: String) -> (user: String?, conf: String?) {
    var user: String?
    var conf: String?
    let words = text.split(separator: " ").flatMap { word -> [String] in
      guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { return [String(word)] }
      return [String(word[..<equals]), String(word[word.index(after: equals)...])]
    }
    for (option, value) in zip(words, words.dropFirst()) {
      switch option {
      case "--id", "--user": user = value
      case "-n", "--name": user = value.hasPrefix("client.") ? String(value.dropFirst(7)) : value
      case "-c", "--conf": conf = value
      default: continue
      }
    }
    return (user, conf)
  }
}
