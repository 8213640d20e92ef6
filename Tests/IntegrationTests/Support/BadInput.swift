import Foundation
import Testing

/// One bad request: its words, what is wrong with the host, and what it gets.
///
/// In the words, `{image}`, `{name}`, `{fsid}`, `{fsid2}`, `{file}` (sound raw bytes), `{dir}` and `{disk}` stand for what the test has.
struct BadInput: Sendable, CustomTestStringConvertible {
  let name: String
  let words: [String]
  let status: Int32
  let code: String
  /// What the sentence must name.
  var says = ""
  var change: @Sendable (inout Settings, Scratch) throws -> Void = { _, _ in }

  var testDescription: String { name }

  func isNamed(in text: String) -> Bool { says.isEmpty || text.contains(says) }

  init(
    _ name: String, _ words: String..., gets status: Int32, _ code: String, says: String = "",
    change: @escaping @Sendable (inout Settings, Scratch) throws -> Void = { _, _ in }
  ) {
    (self.name, self.words, self.status, self.code, self.says, self.change) = (name, words, status, code, says, change)
  }
}

extension BadInput {
  static let images: [BadInput] = [
    .init("an id of no image", "fetch", "11111111-2222-4333-8444-555555555555", gets: 3, "image_not_found", says: "11111111"),
    .init("a name of no image", "plan", "it-no-such-image", gets: 3, "image_not_found", says: "it-no-such-image"),
    .init("no image at all", "fetch", "", gets: 2, "usage"),
    .init("a format for an id", "fetch", "{image}", "--disk-format", "raw", gets: 2, "usage", says: "--disk-format"),
    .init("a digest that is none", "fetch", "{image}", "--digest", "sha512:xyz", gets: 2, "usage", says: "sha512:xyz"),
    .init("a digest of no algorithm", "fetch", "{image}", "--digest", "crc32:12345678", gets: 2, "usage", says: "crc32"),
    .init("a format of bases that is none", "fetch", "{image}", "--format", "vmdk", gets: 2, "usage", says: "vmdk"),
    .init("a deadline that is none", "fetch", "{image}", "--deadline", "soon", gets: 2, "usage", says: "soon"),
    .init("a deadline of nothing", "fetch", "{image}", "--deadline", "0s", gets: 2, "usage"),
    .init("a purpose that is none", "fetch", "{image}", "--purpose", "fun", gets: 2, "usage", says: "fun"),
  ]

  static let locations: [BadInput] = [
    .init("rbd of one part", "fetch", "rbd://x", "--disk-format", "raw", gets: 2, "invalid_url", says: "rbd://x"),
    .init("rbd without a snapshot", "fetch", "rbd://{fsid}/images/x", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init("rbd of five parts", "fetch", "rbd://{fsid}/images/x/snap/y", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init("rbd with an empty part", "fetch", "rbd://{fsid}//x/snap", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init("an unsupported scheme", "fetch", "ftp://host/x", "--disk-format", "raw", gets: 2, "invalid_url", says: "ftp"),
    .init("no scheme", "fetch", "://host/x", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init("http without a host", "fetch", "http://", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init("a file on another host", "fetch", "file://host/x", "--disk-format", "raw", gets: 2, "invalid_url"),
    .init(
      "rbd of no image", "fetch", "rbd://{fsid}/images/nothere/snap", "--disk-format", "raw", gets: 3, "source_not_found", says: "nothere"),
    .init(
      "rbd of no snapshot", "fetch", "rbd://{fsid}/images/{image}/nosnap", "--disk-format", "raw", gets: 3, "source_not_found",
      says: "nosnap"),
    .init(
      "a pool that is not listed", "fetch", "rbd://{fsid}/vms/x/snap", "--disk-format", "raw", gets: 4, "location_not_allowed", says: "vms"),
    .init("a cluster that is unknown", "fetch", "rbd://{fsid2}/images/x/snap", "--disk-format", "raw", gets: 4, "location_not_allowed"),
    .init(
      "a server that is not there", "fetch", "http://127.0.0.1:1/x", "--disk-format", "raw", gets: 5, "source_failed", says: "127.0.0.1:1"),
    .init("a path without its format", "fetch", "{file}", gets: 2, "usage", says: "--disk-format"),
    .init("a path of nothing", "fetch", "{dir}/roots/nothere", "--disk-format", "raw", gets: 3, "source_not_found", says: "nothere"),
    .init("a directory", "fetch", "{dir}/roots", "--disk-format", "raw", gets: 4, "location_not_allowed", says: "roots"),
    .init("a path outside the roots", "fetch", "/etc/passwd", "--disk-format", "raw", gets: 4, "location_not_allowed", says: "/etc/passwd"),
    .init(
      "a path that climbs out", "fetch", "{dir}/roots/../../../../../etc/passwd", "--disk-format", "raw", gets: 4, "location_not_allowed"),
    .init("a link that leads out", "fetch", "{dir}/roots/link", "--disk-format", "raw", gets: 4, "location_not_allowed", says: "link"),
    .init("a format that is not read", "fetch", "{file}", "--disk-format", "parallels", gets: 4, "format_refused", says: "parallels"),
  ]

  static let disks: [BadInput] =
    ["abc", "1.5X", "0", "-5", "20GG", "99999999999999999999999", "0x10", "1e9", "9999999T"].map {
      .init("size '\($0)'", "disk", "create", "{disk}", "--image", "{image}", "--size=\($0)", gets: 2, "invalid_size", says: $0)
    }
    + ["", "../x", "a/b", ".hidden", "-x", "a b", "a\u{0301}", "x@y", String(repeating: "n", count: 300)].map {
      .init("name '\($0.prefix(8))'", "disk", "create", "--image", "{image}", "--size", "1G", "--", $0, gets: 2, "invalid_name")
    } + [
      .init(
        "smaller than the image", "disk", "create", "{disk}", "--image", "{image}", "--size", "19M", gets: 4, "size_too_small",
        says: "19 MiB"),
      .init("a target that is none", "disk", "create", "{disk}", "--image", "{image}", "--target", "nbd", gets: 2, "usage", says: "nbd"),
      .init("no image named", "disk", "create", "{disk}", gets: 2, "usage", says: "--image"),
      .init("a disk that is not there", "disk", "show", "it-nothere", gets: 3, "disk_not_found", says: "it-nothere"),
      .init("a name to delete", "disk", "delete", "../../etc", gets: 2, "invalid_name"),
      .init("a base that is not there", "cache", "show", "it-nothere", gets: 3, "base_not_found", says: "it-nothere"),
      .init("a verb that is none", "fetsch", "{image}", gets: 2, "usage"),
      .init("an option that is none", "fetch", "{image}", "--fast", gets: 2, "usage", says: "--fast"),
    ]

  static let hosts: [BadInput] = [
    .init("an unknown key", "fetch", "{image}", gets: 2, "configuration", says: "on_direct_failed") { settings, _ in
      settings.more = ["on_direct_fail: fail"]
    },
    .init("an unknown key within", "config", "show", gets: 2, "configuration", says: "digest") { settings, _ in
      settings.more = ["trust: { digests: required }"]
    },
    .init("a value of another type", "fetch", "{image}", gets: 2, "configuration", says: "limits.memory") { settings, _ in
      settings.more = ["limits: { memory: much }"]
    },
    .init("no YAML", "fetch", "{image}", gets: 2, "configuration") { settings, _ in settings.more = ["]["] },
    .init("a cloud that is none", "fetch", "{image}", gets: 2, "configuration", says: "nocloud") { settings, _ in settings.cloud = "nocloud"
    },
    .init(
      "a pool for disks that is not there", "disk", "create", "{disk}", "--image", "{image}", "--target", "rbd", gets: 2, "configuration",
      says: "nopool"
    ) {
      settings, _ in settings.pool = "nopool"
    },
    .init(
      "no cluster for disks", "disk", "create", "{disk}", "--image", "{image}", "--target", "rbd", gets: 2, "configuration", says: "cluster"
    ) {
      settings, _ in settings.clusters = []
    },
    .init(
      "a cluster with another fsid", "disk", "create", "{disk}", "--image", "{image}", "--target", "rbd", gets: 2, "configuration",
      says: "fsid"
    ) {
      settings, _ in
      settings.clusters[0].fsid = try Stack.current().fsid
      settings.clusters[0].conf = try Stack.current().conf2
    },
    .init("a ceph.conf that is not there", "fetch", "{image}", gets: 2, "configuration", says: "nothere.conf") { settings, scratch in
      settings.clusters[0].conf = scratch.file("nothere.conf")
    },
    .init("a service that is not there", "fetch", "{image}", gets: 5, "image_service_unavailable", says: "127.0.0.1:1") { settings, _ in
      settings.endpoint = "http://127.0.0.1:1"
    },
    .init(
      "a cluster that is not there", "disk", "create", "{disk}", "--image", "{image}", "--target", "rbd", gets: 5, "cluster_unreachable",
      says: "main"
    ) {
      settings, scratch in
      let conf = scratch.file("far.conf")
      let text = "[global]\nmon host = [v2:127.0.0.1:1]\nkeyring = \(try Stack.current().dir)/etc/ceph.client.$id.keyring\n"
      try text.write(toFile: conf, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = conf
      settings.clusters[0].timeout = "2s"
    },
    .init("a key that the cluster does not take", "disk", "list", gets: 5, "permission_denied") { settings, scratch in
      let (conf, keyring) = (scratch.file("wrong.conf"), scratch.file("wrong.keyring"))
      try "[client.slipway]\n\tkey = AQD0000000000BAAeIGh6Jkv4eYBf5VnVYbBQQ==\n".write(toFile: keyring, atomically: true, encoding: .utf8)
      let text = "[global]\nmon host = \(try Stack.current().text("ceph", "mon_host"))\nkeyring = \(keyring)\n"
      try text.write(toFile: conf, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = conf
    },
  ]
}
