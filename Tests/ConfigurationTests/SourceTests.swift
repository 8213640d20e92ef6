import Configuration
import Foundation
import Model
import Testing

/// Where values come from: which file, which variable, and what holds without either.
@Suite struct SourceTests {
  @Test("--config wins over SLIPWAY_CONFIG, that over the standard file")
  func order() throws {
    let files = [standard: "limits: { transfers: 1 }", "/b": "limits: { transfers: 2 }", "/c": "limits: { transfers: 3 }"]
    #expect(try LoadedConfiguration.load(system: system(files)).configuration.limits.transfers == 1)
    let named = system(files, environment: ["SLIPWAY_CONFIG": "/b"])
    #expect(try LoadedConfiguration.load(system: named).configuration.limits.transfers == 2)
    let loaded = try LoadedConfiguration.load(file: "/c", system: named)
    #expect(loaded.configuration.limits.transfers == 3 && loaded.file == "/c")
  }

  @Test("a file that was named and is not there is an error, also with the standard one in place")
  func missing() {
    let files = [standard: ""]
    for (file, variable) in [("/none", nil), (nil, "/none")] {
      let machine = system(files, environment: variable.map { ["SLIPWAY_CONFIG": $0] } ?? [:])
      let error = #expect(throws: SlipwayError.self) { try LoadedConfiguration.load(file: file, system: machine) }
      #expect(error?.code == .configuration && error?.message.contains("/none") == true)
    }
  }

  @Test("a standard file that cannot be read is an error and not its absence")
  func unreadable() {
    var machine = system()
    machine.read = { path in throw SlipwayError(.configuration, "'\(path)' cannot be read: Permission denied") }
    #expect(throws: SlipwayError.self) { try LoadedConfiguration.load(system: machine) }
  }

  @Test("variables override scalars and lists of the file and say so")
  func variables() throws {
    let loaded = try load(
      "limits: { transfers: 1 }\nfile_roots: [/a]",
      [
        "SLIPWAY_LIMITS_TRANSFERS": "9", "SLIPWAY_FILE_ROOTS": "/x, /y", "SLIPWAY_DISKS_DATA_POOL": "", "SLIPWAY_STORE_PATH": "/s",
        "SLIPWAY_ON_DIRECT_FAILED": "fallback", "SLIPWAY_CLUSTERS": "ignored",
      ])
    #expect(loaded.configuration.limits.transfers == 9 && loaded.configuration.fileRoots == ["/x", "/y"])
    #expect(loaded.configuration.store.path == "/s" && loaded.configuration.onDirectFailed == .fallback)
    #expect(loaded.settings.first { $0.key.path == "limits.transfers" }?.source == .environment("SLIPWAY_LIMITS_TRANSFERS"))
  }

  @Test("an empty list can be given by a variable")
  func emptyList() throws {
    #expect(try load("", ["SLIPWAY_ALLOWED_DIRECT_URL_SCHEMES": ""]).configuration.allowedDirectURLSchemes.isEmpty)
  }

  @Test("a bad value in a variable is an error that names the variable", arguments: ["zero", "", "0"])
  func badVariable(_ text: String) throws {
    let found = try problems("", ["SLIPWAY_LIMITS_TRANSFERS": text])
    #expect(found.map(\.place) == ["SLIPWAY_LIMITS_TRANSFERS"])
  }

  @Test("a variable that is nearly one of ours is warned about, others are left alone")
  func misspelt() throws {
    let warnings = try load("", ["SLIPWAY_STORE_PAHT": "/x", "SLIPWAY_CI": "1", "SLIPWAY_CONFIG": "", "PATH": "/bin"]).warnings
    #expect(warnings.count == 1 && warnings[0].contains("SLIPWAY_STORE_PATH"))
  }

  @Test("without a file everything lies under the user's state directory, and typed paths are allowed")
  func embedded() throws {
    let loaded = try LoadedConfiguration.load(system: system())
    #expect(loaded.file == nil && loaded.configuration.anyOperatorPath)
    #expect(loaded.configuration.store.path == "/home/me/.local/state/slipway/images")
    #expect(loaded.configuration.disks.path == "/home/me/.local/state/slipway/disks" && loaded.configuration.disks.target == .qcow2)
    #expect(loaded.configuration.clusters.isEmpty && loaded.configuration.libvirt == nil && loaded.configuration.images.cloud == nil)
    let xdg = try LoadedConfiguration.load(system: system(environment: ["XDG_STATE_HOME": "/state", "SLIPWAY_DISKS_PATH": "/d"]))
    #expect(xdg.configuration.store.path == "/state/slipway/images" && xdg.configuration.disks.path == "/d")
    let relative = try LoadedConfiguration.load(system: system(environment: ["XDG_STATE_HOME": "state"]))
    #expect(relative.configuration.store.path == "/home/me/.local/state/slipway/images")
  }

  @Test("roots given by a variable hold even without a file")
  func embeddedRoots() throws {
    let loaded = try LoadedConfiguration.load(system: system(environment: ["SLIPWAY_FILE_ROOTS": "/srv"]))
    #expect(!loaded.configuration.anyOperatorPath && loaded.configuration.fileRoots == ["/srv"])
  }

  @Test(
    "without a file a readable ceph.conf is the cluster main, any pool of it, opened as CEPH_ARGS says",
    arguments: [
      ([:], "/etc/ceph/ceph.conf", "admin"), (["CEPH_CONF": "/c.conf"], "/c.conf", "admin"),
      (["CEPH_ARGS": "--id glance --conf=/c.conf"], "/c.conf", "glance"), (["CEPH_ARGS": "-n client.x -c /c.conf"], "/c.conf", "x"),
      (["CEPH_ARGS": "--name=client.y"], "/etc/ceph/ceph.conf", "y"),
    ] as [([String: String], String, String)])
  func embeddedCluster(_ environment: [String: String], _ conf: String, _ user: String) throws {
    let machine = system(environment: environment, readable: [conf])
    let cluster = try #require(try LoadedConfiguration.load(system: machine).configuration.cluster(named: "main"))
    #expect(cluster.conf == conf && cluster.user == user && cluster.imageUser == user && cluster.imagePools == nil)
  }

  @Test("the live system reads a file and tells its absence")
  func live() throws {
    let path = NSTemporaryDirectory() + "slipway-\(UUID().uuidString).yaml"
    try "limits: { transfers: 7 }".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    var machine = ConfigurationSystem.live
    machine.environment = [:]
    #expect(try LoadedConfiguration.load(file: path, system: machine).configuration.limits.transfers == 7)
    #expect(try machine.read(path + ".none") == nil)
    #expect(throws: SlipwayError.self) { try machine.read("/dev/zero") }
    #expect(throws: SlipwayError.self) { try machine.read("/") }
  }
}
