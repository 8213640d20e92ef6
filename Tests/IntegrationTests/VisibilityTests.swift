import Foundation
import Testing

/// The image service decides who may use an image, on a miss and on a hit.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct VisibilityTests {
  /// Brings the image into the host's store, so that what follows is a hit.
  func warm(_ host: Host, _ image: String) async throws {
    let fetched = try await host.run("fetch", image).succeeded()
    #expect(fetched["outcome"].text == "fetched")
  }

  @Test(arguments: [false, true]) func aPrivateImageIsNotThereForAnotherProject(hit: Bool) async throws {
    let image = try await Images.fresh()
    let host = try Host()
    if hit { try await warm(host, image.id) }
    let other = try await Images.token("other", project: "other")
    let refused = try await host.run("fetch", image.id, "--os-token", other)
    try refused.failed(3, "image_not_found")
    #expect(!(refused.output + refused.errors).contains(other))
    try await host.run("plan", image.id, "--target", "rbd", "--os-token", other).failed(3, "image_not_found")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd", "--os-token", other)
      .failed(3, "image_not_found")
    let owner = try await Images.token("demo", project: "demo")
    let allowed = try await host.run("fetch", image.id, environment: ["SLIPWAY_OS_TOKEN": owner]).succeeded()
    #expect(allowed["outcome"].text == (hit ? "hit" : "fetched"))
    // What one project brought is no hit for another project that holds the same bytes under an image of its own.
    try await host.run("fetch", image.id, "--os-token", other).failed(3, "image_not_found")
  }

  @Test func aTokenThatIsNoneIsDenied() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let ending = try await host.run("fetch", image.id, "--os-token", "no-such-token-1234567")
    try ending.failed(5, "image_service_denied")
    #expect(!(ending.output + ending.errors).contains("no-such-token-1234567"))
  }

  @Test(arguments: [false, true]) func aDeactivatedImageIsRefused(hit: Bool) async throws {
    let image = try await Images.fresh()
    let host = try Host()
    if hit { try await warm(host, image.id) }
    try await Images.glance("deactivate", image.id)
    try await host.run("fetch", image.id).failed(4, "image_deactivated")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "image_deactivated")
    try await host.run("fetch", image.id, "--purpose", "migrate").failed(4, "image_deactivated")
    if !hit { host.expectEmptyStore() }
    try await Images.glance("reactivate", image.id)
    try await host.run("fetch", image.id).succeeded()
  }

  @Test func aQueuedImageIsNotReady() async throws {
    let host = try Host()
    let image = try await Images.queued()
    let error = try await host.run("fetch", image).failed(5, "image_not_ready")
    #expect(error["retry"].text == "here")
    try await host.run("disk", "create", host.diskName(), "--image", image, "--target", "rbd").failed(5, "image_not_ready")
  }

  @Test func anImageThatIsNotActiveAnyMoreIsNoHit() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    try await warm(host, image.id)
    for (status, exit, code) in [
      ("queued", Int32(5), "image_not_ready"), ("importing", 5, "image_not_ready"), ("killed", 4, "image_unusable"),
    ] {
      try await Images.glance("status", image.id, status)
      try await host.run("fetch", image.id).failed(exit, code)
    }
    try await Images.glance("status", image.id, "active")
    #expect(try await host.run("fetch", image.id).succeeded()["outcome"].text == "hit")
  }

  @Test func aDeletedImageServesOnlyWhatHasDisks() async throws {
    let image = try await Images.fresh()
    let (warmed, cold) = (try Host(), try Host())
    try await warm(warmed, image.id)
    try await Images.glance("delete", image.id)
    for host in [warmed, cold] { #expect(try await ["image_not_found", "image_deleted"].contains(deleted(host, image.id))) }
    for purpose in ["migrate", "evacuate", "rescue", "unshelve"] {
      let hit = try await warmed.run("fetch", image.id, "--purpose", purpose).succeeded()
      #expect(hit["outcome"].text == "hit")
      let miss = try await cold.run("fetch", image.id, "--purpose", purpose)
      #expect(miss.status == 3)
    }
    let disk = warmed.diskName()
    let made = try await warmed.run("disk", "create", disk, "--image", image.id, "--target", "qcow2", "--purpose", "migrate").succeeded()
    try await Compare.guest(#require(made["path"].text), "qcow2", image.file, "raw")
    try await warmed.delete(disk)
    cold.expectEmptyStore()
  }

  private func deleted(_ host: Host, _ image: String) async throws -> String {
    let ending = try await host.run("fetch", image)
    #expect(ending.status == 3)
    return try ending.document()["error"]["code"].text ?? ""
  }

  @Test func anUnknownImageIsNotFound() async throws {
    let host = try Host()
    try await host.run("fetch", UUID().uuidString.lowercased()).failed(3, "image_not_found")
    try await host.run("fetch", "no-image-of-this-name").failed(3, "image_not_found")
  }

  @Test func aNameThatTwoImagesHaveIsAmbiguous() async throws {
    let image = try await Images.fresh()
    let other = try await Images.fresh()
    try await Images.glance("set", other.id, "name=\(image.name)")
    let host = try Host()
    try await host.run("fetch", image.name).failed(2, "ambiguous_name")
  }

  // MARK: outages

  @Test func aServiceThatIsDownRefusesAMissAndAHit() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await warm(host, image.id)
    let down = try host.reconfigured { settings, _ in settings.endpoint = "http://127.0.0.1:1" }
    try await down.run("fetch", image.id).failed(5, "image_service_unavailable")
    try await down.run("disk", "create", host.diskName(), "--image", image.id, "--target", "qcow2").failed(5, "image_service_unavailable")
    let cold = try Host { settings, _ in
      settings.endpoint = "http://127.0.0.1:1"
      settings.onServiceDown = "serve-cached"
    }
    try await cold.run("fetch", image.id).failed(5, "image_service_unavailable")
  }

  @Test func anOutageMayBeBridgedByWhatIsHere() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await warm(host, image.id)
    let bridged = try host.reconfigured { settings, _ in
      settings.endpoint = "http://127.0.0.1:1"
      settings.onServiceDown = "serve-cached"
    }
    #expect(try await bridged.run("fetch", image.id).succeeded()["outcome"].text == "hit")
    let disk = bridged.diskName()
    let made = try await bridged.run("disk", "create", disk, "--image", image.id, "--target", "qcow2").succeeded()
    try await Compare.guest(#require(made["path"].text), "qcow2", image.file, "raw")
    try await bridged.delete(disk)
    try await bridged.run("disk", "create", disk, "--image", image.id, "--target", "rbd").failed(5, "image_service_unavailable")
  }

  @Test func aWrongPasswordIsDeniedAndNotTold() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.cloud = "slipway-password" }
    let secret = "not-the-password-77123"
    let clouds = try host.clouds { clouds in
      clouds["slipway-password"] = clouds["slipway-password"]?.with(auth: ["password": secret])
    }
    for words in [["fetch", image.id], ["doctor"], ["fetch", image.id, "--verbose"]] {
      let ending = try await host.start(words, environment: ["OS_CLIENT_CONFIG_FILE": clouds]).wait()
      #expect(ending.status == 5)
      if words[0] == "fetch" { try ending.failed(5, "image_service_denied") }
      #expect(!(ending.output + ending.errors).contains(secret))
    }
  }

  @Test func noSecretIsEverPrinted() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let secrets = try ["slipway", "slipway-reader"].map { try host.stack.text("app_credentials", $0, "secret") }
    let disk = host.diskName()
    let runs = [
      ["fetch", image.id, "--verbose"], ["disk", "create", disk, "--image", image.id, "--target", "rbd", "--verbose"], ["disk", "list"],
      ["doctor", "--verbose"], ["config", "show"], ["cache", "list"], ["disk", "delete", disk],
    ]
    for words in runs {
      let ending = try await host.start(words).wait()
      let printed = ending.output + ending.errors
      #expect(ending.status == 0, "\(printed)")
      for secret in secrets { #expect(!printed.contains(secret)) }
    }
  }
}
