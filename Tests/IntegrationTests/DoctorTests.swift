import Foundation
import Testing

/// Every dependency tried, and what to do where one fails.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct DoctorTests {
  /// The checks by name.
  func checks(_ ending: Ending) throws -> [String: JSON] {
    Dictionary(try ending.document()["checks"].list.map { ($0["name"].text ?? "", $0) }) { first, _ in first }
  }

  func failed(_ host: Host, _ name: String, says: String, location: SourceLocation = #_sourceLocation) async throws {
    let ending = try await host.run("doctor")
    #expect(ending.status == 5, "\(ending.output)", sourceLocation: location)
    #expect(try ending.document()["healthy"] == .bool(false), sourceLocation: location)
    let check = try #require(try checks(ending)[name], "\(ending.output)", sourceLocation: location)
    #expect(check["status"].text == "failed", "\(check)", sourceLocation: location)
    #expect(check["detail"].text?.contains(says) == true, "\(check)", sourceLocation: location)
    #expect(check["hint"].text?.isEmpty == false, "\(check)", sourceLocation: location)
  }

  @Test func allIsWellOnAHealthyHost() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in
      settings.target = "rbd"
      settings.clusters.append(.init(name: "second", conf: try Stack.current().conf2))
    }
    let ending = try await host.run("doctor")
    #expect(ending.status == 0, "\(ending.output)")
    let document = try ending.document()
    #expect(document["healthy"] == .bool(true))
    #expect(document["checks"].list.allSatisfy { $0["status"].text == "ok" }, "\(ending.output)")
    let names = try checks(ending).keys
    for name in [
      "store", "disks directory", "cluster main", "cluster second", "image pool images", "pool vms", "pool slipway-bases", "image service",
      "image locations", "trust policy", "certificates",
    ] {
      #expect(names.contains(name), "\(names)")
    }
    let people = try await host.runForPeople("doctor")
    #expect(people.status == 0)
    #expect(people.output.split(separator: "\n").allSatisfy { $0.hasPrefix("ok ") || $0.hasPrefix("    ") }, "\(people.output)")
    _ = image
  }

  @Test func aWrongKey() async throws {
    let host = try Host { settings, scratch in
      let stack = try Stack.current()
      let keyring = scratch.file("keyring")
      try "[client.slipway]\n\tkey = AQD0000000000BAAeIGh6Jkv4eYBf5VnVYbBQQ==\n".write(toFile: keyring, atomically: true, encoding: .utf8)
      let conf = scratch.file("ceph.conf")
      let text = "[global]\nfsid = \(try stack.fsid)\nmon host = \(try stack.text("ceph", "mon_host"))\nkeyring = \(keyring)\n"
      try text.write(toFile: conf, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = conf
    }
    try await failed(host, "cluster main", says: "does not accept its key")
  }

  @Test func aPoolThatIsNotThere() async throws {
    let images = try Host { settings, _ in settings.clusters[0].imagePools = ["images", "nothere"] }
    try await failed(images, "image pool nothere", says: "nothere")
    let disks = try Host { settings, _ in
      settings.target = "rbd"
      settings.pool = "nothere"
    }
    try await failed(disks, "pool nothere", says: "nothere")
  }

  /// Clones made with such a user would open for nobody: told before the first is made.
  @Test func aUserWhoCannotReadTheImages() async throws {
    let host = try Host { settings, _ in settings.clusters[0].user = "slipway-noread" }
    try await failed(host, "image pool images", says: "images")
  }

  @Test func aClusterThatIsDown() async throws {
    let host = try Host { settings, scratch in
      let conf = scratch.file("ceph.conf")
      let text = "[global]\nmon host = [v2:127.0.0.1:1]\nkeyring = \(try Stack.current().dir)/etc/ceph.client.$id.keyring\n"
      try text.write(toFile: conf, atomically: true, encoding: .utf8)
      settings.clusters[0].conf = conf
      settings.clusters[0].timeout = "2s"
    }
    try await failed(host, "cluster main", says: "main")
  }

  @Test func aServiceThatIsDown() async throws {
    let host = try Host { settings, _ in settings.endpoint = "http://127.0.0.1:1" }
    try await failed(host, "image service", says: "unavailable")
  }

  @Test func aServiceThatHangsIsGivenUp() async throws {
    let silence = try Silence()
    let host = try Host { settings, _ in settings.endpoint = "http://127.0.0.1:\(silence.port)" }
    let ending = try await host.run("doctor", "--deadline", "2s")
    #expect(ending.status == 5, "\(ending.output)")
    let checks = try checks(ending)
    #expect(checks["image service"]?["status"].text == "failed", "\(ending.output)")
    #expect(checks["cluster main"]?["status"].text == "ok", "what answered is told")
  }

  @Test func aServiceThatShowsNoLocationsIsAWarning() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.cloud = "demo-hidden" }
    let clouds = try host.clouds { clouds in clouds["demo-hidden"] = clouds["demo"]?.in(region: "RegionHidden") }
    let ending = try await host.run("doctor", environment: ["OS_CLIENT_CONFIG_FILE": clouds])
    #expect(ending.status == 0, "\(ending.output)")
    let check = try #require(try checks(ending)["image locations"])
    #expect(check["status"].text == "warning")
    #expect(check["detail"].text?.contains("HTTP") == true)
    _ = image
  }

  @Test func aCertificateServiceThatIsDownOrATrustedCertificateThatIsNotThere() async throws {
    let host = try Host { settings, _ in settings.more = ["trust: { trusted: [11111111-2222-4333-8444-555555555555] }"] }
    try await failed(host, "trusted certificate 11111111-2222-4333-8444-555555555555", says: "no such secret")
    let clouds = try host.clouds { $0["slipway"]?.values["key_manager_endpoint_override"] = "http://127.0.0.1:9" }
    let ending = try await host.run("doctor", environment: ["OS_CLIENT_CONFIG_FILE": clouds])
    #expect(ending.status == 5)
    let certificates = try #require(try checks(ending)["certificates"])
    #expect(certificates["status"].text == "failed" && certificates["hint"].text?.isEmpty == false, "\(certificates)")
  }

  @Test func aTrustedCertificateIsToldWithItsEnd() async throws {
    let signed = try Signed()
    try await signed.root("root")
    let root = try await signed.store("root", token: try await Images.token("agent", project: "service"))
    let host = try Host { settings, _ in settings.more = ["trust: { trusted: [\(root)] }"] }
    let check = try #require(try checks(try await host.run("doctor"))["trusted certificate \(root)"])
    // It was made for thirty days, and is warned of from then on.
    #expect(check["status"].text == "warning" && check["detail"].text?.contains("CN=root") == true, "\(check)")
    #expect(check["hint"].text?.contains("trust.trusted") == true)
  }

  @Test func aStoreThatCannotBeMade() async throws {
    let host = try Host(store: "/proc/nothere/store")
    try await failed(host, "store", says: "/proc/nothere")
  }
}
