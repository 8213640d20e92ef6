import Foundation
import Testing

/// The guides in `docs/guides`: what they show is run, in order, as it stands there.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct GuideTests {
  /// A guide with a host of its own.
  struct Bed {
    let host: Host
    let directory: String
    var environment: [String: String]

    /// A directory in the host's.
    func place(_ name: String) throws -> String {
      let path = host.scratch.file(name)
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return path
    }
  }

  private func bed(_ change: (inout Settings, Scratch) throws -> Void = { _, _ in }) async throws -> Bed {
    let host = try Host { settings, scratch in
      settings.roots = [scratch.path]
      settings.more.append("clean: { min_free: 1%, max_bytes: 0 }")
      try change(&settings, scratch)
    }
    let image = try await Images.fresh("--visibility", "public")
    let directory = host.scratch.file("work")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let program = URL(fileURLWithPath: try Host.executable()).deletingLastPathComponent().path
    return Bed(
      host: host, directory: directory,
      environment: [
        "PATH": "\(program):/usr/sbin:/usr/bin:/sbin:/bin", "SLIPWAY_CONFIG": host.config, "IMAGE": image.id, "VM": host.diskName(),
        "ADMIN_CONF": try host.stack.text("ceph", "admin_conf"), "CEPHX": "it-\(UUID().uuidString.lowercased().prefix(8))",
      ])
  }

  /// Runs a guide; what it says of places of the system is said of `places`.
  @discardableResult
  private func run(_ name: String, _ bed: Bed, places: [String: String] = [:]) async throws -> Ending {
    let guide = try Guide(name)
    try #require(!guide.script.isEmpty, "\(name) has nothing to run")
    for (file, text) in guide.files { try text.write(toFile: "\(bed.directory)/\(file)", atomically: true, encoding: .utf8) }
    var script = guide.script
    for (place, here) in places { script = script.replacing(place, with: here) }
    let file = bed.directory + "/guide.sh"
    try script.write(toFile: file, atomically: true, encoding: .utf8)
    let ending = try await Program.start(
      "/bin/bash", [file], environment: bed.host.environment(bed.environment), directory: bed.directory, limit: .seconds(200)
    ).wait()
    #expect(ending.status == 0, "docs/guides/\(name): \(ending.output)\n\(ending.errors.suffix(4000))")
    return ending
  }

  @Test("what needs no more than a host", arguments: ["install.md", "trust.md", "upgrade.md", "troubleshooting.md", "compute-service.md"])
  func plain(name: String) async throws {
    let ending = try await run(name, bed { settings, _ in settings.target = "rbd" })
    if name == "compute-service.md" { #expect(ending.output.contains("rbd clone 67108864 existing") || ending.output.contains("deleted")) }
  }

  @Test("a base that is gone comes back, from the image service and from a copy")
  func lostBase() async throws { try await run("lost-base.md", bed()) }

  @Test("cephx users are made, and suffice")
  func ceph() async throws {
    let repository = Guide.repository
    try await run("ceph.md", bed(), places: ["/usr/share/slipway/make-users": repository + "/etc/ceph/make-users"])
  }

  @Test("a plan with Cinder's scheme switched on")
  func cinder() async throws { try await run("cinder.md", bed()) }

  @Test("a configuration made of nova.conf warms Nova's cache")
  func nova() async throws {
    var bed = try await bed()
    let (etc, nova) = (try bed.place("etc-slipway"), try bed.place("etc-nova"))
    let instances = try bed.place("nova/instances")
    try "[DEFAULT]\nstate_path = \(bed.host.scratch.file("nova"))\ninstances_path = $state_path/instances\n[libvirt]\nimages_type = qcow2\n"
      .write(toFile: nova + "/nova.conf", atomically: true, encoding: .utf8)
    try "[DEFAULT]\nenabled_backends = ceph:rbd\n[ceph]\nrbd_store_pool = images\nrbd_store_ceph_conf = \(bed.host.stack.conf)\n"
      .write(toFile: nova + "/glance-api.conf", atomically: true, encoding: .utf8)
    bed.environment["SLIPWAY_CONFIG"] = etc + "/slipway.yaml"
    bed.environment["SLIPWAY_LIBVIRT_URI"] = "none"
    let ending = try await run("nova.md", bed, places: ["/etc/nova/": nova + "/", "/etc/slipway/": etc + "/"])
    #expect(ending.errors.contains("clusters[0].image_pools"))
    let cached = try FileManager.default.contentsOfDirectory(atPath: instances + "/_base")
    #expect(cached.count == 1 && cached[0].count == 40, "\(cached)")
  }
}

/// A page of `docs/guides`: its blocks ```` ```sh tested ```` in order, those that a reader is spared (`<!-- sh … -->`), and the files that it shows
/// (```` ```python file=NAME ````).
struct Guide {
  var script: String
  var files: [String: String] = [:]

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  init(_ name: String) throws {
    let text = try String(contentsOfFile: "\(Self.repository)/docs/guides/\(name)", encoding: .utf8)
    var lines: [String] = []
    /// Where the lines of the block go that is open, and what ends it.
    var open: (file: String?, isRun: Bool, end: String)?
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      number += 1
      if let block = open {
        if line == block.end {
          open = nil
        } else if let file = block.file {
          files[file, default: ""] += line + "\n"
        } else if block.isRun {
          lines.append(line)
        }
      } else if line == "<!-- sh" {
        open = (nil, true, "-->")
      } else if line.hasPrefix("```") {
        let words = line.dropFirst(3).split(separator: " ")
        let file = words.first { $0.hasPrefix("file=") }.map { String($0.dropFirst(5)) }
        let isRun = words.contains("tested")
        if isRun { lines.append(": line \(number)") }
        open = (file, isRun, "```")
      }
    }
    script = lines.isEmpty ? "" : "set -euxo pipefail\n" + lines.joined(separator: "\n") + "\n"
  }
}
