import Foundation
import Runtime
import Testing

/// What a test's configuration file says; the rest has its defaults.
struct Settings: Sendable {
  struct CephCluster: Sendable {
    var name: String
    var conf: String
    var fsid: String?
    var user = "slipway"
    var imageUser: String? = "slipway-image"
    /// Writes image pools, for uploads by clone.
    var uploadUser: String?
    var imagePools = ["images"]
    var timeout = "10s"
  }
  var clusters: [CephCluster]
  var target = "qcow2"
  var pool = "vms"
  /// Further keys of `images`.
  var imageKeys: String?
  /// Further keys of `disks`.
  var diskKeys: String?
  var cloud: String? = "slipway"
  var endpoint: String?
  var onServiceDown = "refuse"
  var schemes = ["rbd", "file"]
  var roots: [String] = []
  /// Further lines, at the top level.
  var more: [String] = []
  var store: String
  /// `nova` for a cache that is shared with nova-compute.
  var layout = "native"
  /// Tests that damage bases, or leave them behind, could not with `auto`.
  var immutable = "off"
  /// The format of bases made from raw images.
  var baseFormat = "qcow2"
  /// The section `libvirt`.
  var libvirt = "{ uri: none }"
  var disks: String

  var yaml: String {
    var lines = clusters.isEmpty ? [] : ["clusters:"]
    for cluster in clusters {
      lines += [
        "  - name: \(cluster.name)", "    conf: \(cluster.conf)", "    user: \(cluster.user)",
        "    image_pools: [\(cluster.imagePools.joined(separator: ", "))]",
      ]
      lines += ["    timeout: \(cluster.timeout)"]
      if let fsid = cluster.fsid { lines.append("    fsid: \(fsid)") }
      if let user = cluster.uploadUser { lines.append("    upload_user: \(user)") }
      if let user = cluster.imageUser { lines.append("    image_user: \(user)") }
    }
    lines += [
      "disks: { target: \(target), cluster: main, pool: \(pool), path: \(disks)\(diskKeys.map { ", \($0)" } ?? "") }",
      "store: { path: \(store), layout: \(layout), immutable: \(immutable), base_format: \(baseFormat) }",
      "libvirt: \(libvirt)",
    ]
    let service = endpoint.map { "endpoint: \"\($0)\"" } ?? "cloud: \(cloud ?? "null")"
    lines.append("images: { \(service), on_service_down: \(onServiceDown)\(imageKeys.map { ", \($0)" } ?? "") }")
    lines.append("allowed_direct_url_schemes: [\(schemes.joined(separator: ", "))]")
    lines.append("file_roots: [\(roots.joined(separator: ", "))]")
    return (lines + more).joined(separator: "\n") + "\n"
  }
}

/// One hypervisor as a test has it: a directory with a configuration, a store and disks of its own, and the built `slipway`.
final class Host: Sendable {
  let stack: Stack
  let scratch: Scratch
  let store: String
  private let disks = Locked<[String: String]>([:])

  /// The program beside the test bundle, as it was built with it.
  static func executable() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("slipway").path
    try #require(FileManager.default.isExecutableFile(atPath: path), "there is no program \(path); build the product slipway")
    return path
  }

  init(store: String? = nil, on stack: Stack? = nil, _ change: (inout Settings, Scratch) throws -> Void = { _, _ in }) throws {
    let stack = try stack ?? Stack.current()
    self.stack = stack
    scratch = try Scratch()
    ServiceUser.give(scratch.path)
    self.store = store ?? scratch.file("store")
    var settings = Settings(
      clusters: [Settings.CephCluster(name: "main", conf: try stack.conf)], store: self.store, disks: scratch.file("disks"))
    try change(&settings, scratch)
    try settings.yaml.write(toFile: config, atomically: true, encoding: .utf8)
  }

  /// What failed tests left in the pools goes with the host.
  deinit {
    for (name, pool) in disks.with({ $0 }) {
      _ = try? stack.rbd("rm", "\(pool)/\(name)", "--no-progress")
      _ = try? Command.run("rados", ["-c", stack.text("ceph", "admin_conf"), "-p", pool, "rm", "slipway.disk.\(name)"])
    }
  }

  var config: String { scratch.file("slipway.yaml") }

  /// Another configuration of the same host: same store, same disks.
  func reconfigured(_ change: (inout Settings, Scratch) throws -> Void) throws -> Host {
    let directory = scratch.file("disks")
    let other = try Host(store: store, on: stack) { settings, scratch in
      settings.disks = directory
      try change(&settings, scratch)
    }
    return other
  }

  /// A name for a disk of this test; a disk that is still there when the host goes is removed.
  func diskName(pool: String = "vms") -> String {
    let name = "it-" + UUID().uuidString.lowercased().prefix(13)
    disks.with { $0[name] = pool }
    return name
  }

  /// The environment of a run: nothing of ours but what is told.
  func environment(_ more: [String: String] = [:]) throws -> [String: String] {
    [
      "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": scratch.path, "LANG": "C.UTF-8", "TMPDIR": scratch.path,
      "OS_CLIENT_CONFIG_FILE": stack.clouds ?? "", "SWIFT_BACKTRACE": "enable=no",
    ].merging(more) { $1 }
  }

  /// Starts `slipway` with `--json` and this host's configuration.
  func start(_ arguments: [String], environment: [String: String] = [:], wrapper: [String] = []) throws -> Program {
    let words = wrapper + ServiceUser.prefix() + [try Self.executable()] + arguments + ["--config", config, "--json"]
    return try Program.start(words[0], Array(words.dropFirst()), environment: self.environment(environment), directory: scratch.path)
  }

  /// Runs `slipway` with `--json` and this host's configuration.
  func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Ending {
    try await start(arguments, environment: environment).wait()
  }

  /// The same without `--json`.
  func runForPeople(_ arguments: String..., environment: [String: String] = [:]) async throws -> Ending {
    try await Program.start(
      Self.executable(), arguments + ["--config", config], environment: self.environment(environment), directory: scratch.path
    ).wait()
  }

  /// Deletes a disk, which must be there.
  func delete(_ disk: String, location: SourceLocation = #_sourceLocation) async throws {
    let document = try await run("disk", "delete", disk).succeeded(location)
    #expect(document["outcome"].text == "deleted", sourceLocation: location)
    disks.with { _ = $0.removeValue(forKey: disk) }
  }

  /// What lies in a directory of the store; nothing where there is none.
  func stored(_ directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: store + "/" + directory)) ?? []).sorted()
  }

  /// Nothing was published, and nothing half-made is left.
  func expectEmptyStore(_ location: SourceLocation = #_sourceLocation) {
    #expect(stored("bases").isEmpty, sourceLocation: location)
    #expect(stored("tmp").isEmpty, sourceLocation: location)
    #expect(stored("meta").isEmpty, sourceLocation: location)
  }
}

extension Ending {
  /// Exit code 0, and one JSON document.
  @discardableResult
  func succeeded(_ location: SourceLocation = #_sourceLocation) throws -> JSON {
    try #require(status == 0, "ended with \(status): \(output) \(errors)", sourceLocation: location)
    return try document(location)
  }

  /// The exit code and `error.code`, in one document that has every key of an error; returns the error.
  @discardableResult
  func failed(_ status: Int32, _ code: String, _ location: SourceLocation = #_sourceLocation) throws -> JSON {
    try #require(self.status == status, "ended with \(self.status): \(output) \(errors)", sourceLocation: location)
    let document = try document(location)
    let error = document["error"]
    #expect(error["code"].text == code, "\(output)", sourceLocation: location)
    #expect(error.keys == ["code", "message", "object", "hint", "retry"], sourceLocation: location)
    #expect(error["message"].text?.isEmpty == false, sourceLocation: location)
    return error
  }

  /// The one document on stdout, whatever the exit code.
  func document(_ location: SourceLocation = #_sourceLocation) throws -> JSON {
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    try #require(lines.count == 2 && lines[1].isEmpty, "not one document: \(output) \(errors)", sourceLocation: location)
    let document = try JSON(parsing: String(lines[0]))
    #expect(document["version"].int == 1, sourceLocation: location)
    return document
  }
}
