import Foundation
import Testing

/// Signed images, with their certificates in the real certificate service.
@Suite(.timeLimit(.minutes(30)), .serialized) struct SignatureTests {
  let signed: Signed
  /// Of the agent's own project: what our credentials are shown.
  let token: String

  init() async throws {
    signed = try Signed()
    token = try await Images.token("agent", project: "service")
    try await signed.root("root")
    try await signed.leaf("leaf", by: "root")
  }

  @Test func aSignedImageIsVerifiedOnEveryRouteThatReads() async throws {
    let image = try await Images.fresh()
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    for direct in [true, false] {
      let host = try Host { settings, _ in if !direct { settings.schemes = [] } }
      let answer = try await host.run("fetch", image.id).succeeded()
      let found = try #require(answer["evidence"]["signatures"].list.first)
      #expect(found["certificate"]["id"].text == uuid)
      #expect(found["certificate"]["subject"].text == "CN=leaf")
      #expect(found["chain"] == .null)
      try await Compare.guest(image.file, "raw", try #require(answer["path"].text), "qcow2")
      #expect(try await host.run("fetch", image.id).succeeded()["outcome"].text == "hit")
    }
    try await signed.clear()
  }

  @Test func oneByteThatIsNotSignedIsRefusedAndNothingIsKept() async throws {
    let image = try await Images.fresh()
    let uuid = try await signed.store("leaf", token: token)
    // Signed is a copy with one byte changed.
    let other = signed.scratch.file("other.raw")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: image.file))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: other))
    try await signed.sign(image.id, other, by: "leaf", certificate: uuid)
    let host = try Host()
    try await host.run("fetch", image.id).failed(4, "signature_mismatch")
    host.expectEmptyStore()
    for target in ["rbd", "qcow2", "raw"] {
      let disk = host.diskName()
      try await host.run("disk", "create", disk, "--image", image.id, "--target", target).failed(4, "signature_mismatch")
      try await host.run("disk", "show", disk).failed(3, "disk_not_found")
    }
    host.expectEmptyStore()
    try await signed.clear()
  }

  @Test func aCertificateThatIsMissingOrForeignOrNoneIsRefused() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let theirs = try await signed.store("leaf", token: try await Images.token("demo", project: "demo"))
    let opaque = try await signed.store("leaf", token: token, type: "opaque")
    for id in [UUID().uuidString.lowercased(), theirs, opaque] {
      try await signed.sign(image.id, image.file, by: "leaf", certificate: id)
      try await host.run("fetch", image.id).failed(4, "certificate_unusable")
    }
    host.expectEmptyStore()
    // The caller's own token is shown what the caller stored.
    try await signed.sign(image.id, image.file, by: "leaf", certificate: theirs)
    let caller = try await Images.token("demo", project: "demo")
    try await host.run("fetch", image.id, environment: ["SLIPWAY_OS_TOKEN": caller]).succeeded()
    try await signed.clear()
  }

  @Test func anOwnerMayLetUsReadTheCertificate() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let theirs = try await Images.token("demo", project: "demo")
    let uuid = try await signed.store("leaf", token: theirs)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let error = try await host.run("fetch", image.id).failed(4, "certificate_unusable")
    #expect(error["hint"].text?.contains("openstack acl user add") == true)
    try await signed.share(uuid, with: try Stack.current().text("users", "agent"), token: theirs)
    try await host.run("fetch", image.id).succeeded()
    try await signed.clear()
  }

  @Test func aCertificateServiceThatIsDownIsNoVerdict() async throws {
    let image = try await Images.fresh()
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let host = try Host()
    let clouds = try host.clouds { $0["slipway"]?.values["key_manager_endpoint_override"] = "http://127.0.0.1:9" }
    let error = try await host.run("fetch", image.id, environment: ["OS_CLIENT_CONFIG_FILE": clouds])
      .failed(5, "certificate_service_unavailable")
    #expect(error["retry"].text == "here")
    host.expectEmptyStore()
    try await host.run("fetch", image.id).succeeded()
    // A hit whose evidence satisfies asks nobody.
    #expect(try await host.run("fetch", image.id, environment: ["OS_CLIENT_CONFIG_FILE": clouds]).succeeded()["outcome"].text == "hit")
    try await signed.clear()
  }

  @Test func trustedCertificatesAreDemandedOnMissesHitsAndClones() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let (uuid, root) = (try await signed.store("leaf", token: token), try await signed.store("root", token: token))
    try await signed.root("stranger")
    let stranger = try await signed.store("stranger", token: token)
    for words in [["fetch", image.id], ["disk", "create", host.diskName(), "--image", image.id, "--target", "rbd"]] {
      try await host.start(words + ["--trusted-cert", root]).wait().failed(4, "signature_required")
    }
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    try await host.run("fetch", image.id, "--trusted-cert", stranger).failed(4, "certificate_untrusted")
    try await host.run("fetch", image.id).succeeded()
    try await host.run("fetch", image.id, "--trusted-cert", stranger).failed(4, "certificate_untrusted")
    let hit = try await host.run("fetch", image.id, "--trusted-cert", root, "--trusted-cert", stranger).succeeded()
    #expect(hit["outcome"].text == "hit")
    #expect(hit["evidence"]["signatures"].list.first?["chain"].list.map { $0["id"].text } == [root])
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd", "--trusted-cert", stranger)
      .failed(4, "certificate_untrusted")
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd", "--trusted-cert", root).succeeded()
    try await host.delete(disk)
    try await signed.clear()
  }

  @Test func aSnapshotIsVerifiedOnceBeforeItsFirstClone() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let down = ["OS_CLIENT_CONFIG_FILE": try host.clouds { $0["slipway"]?.values["key_manager_endpoint_override"] = "http://127.0.0.1:9" }]
    let (first, second) = (host.diskName(), host.diskName())
    let words = ["--image", image.id, "--target", "rbd"]
    try await host.start(["disk", "create", first] + words, environment: down).wait().failed(5, "certificate_service_unavailable")
    let made = try await host.start(["disk", "create", first] + words).wait().succeeded()
    #expect(made["route"].text == "clone")
    let kept = host.stored("meta")
    #expect(kept.count == 1 && kept[0].hasPrefix("snapshot-"))
    // Nobody is asked any more: the evidence is that of this very snapshot.
    try await host.start(["disk", "create", second] + words, environment: down).wait().succeeded()
    for disk in [first, second] { try await host.delete(disk) }
    #expect(host.stored("bases").isEmpty && host.stored("tmp").isEmpty)
    try await signed.clear()
  }

  @Test func aSnapshotMadeAnewUnderItsNameIsAnother() async throws {
    let image = try await Images.fresh()
    let host = try Host()
    let stack = try Stack.current()
    let uuid = try await signed.store("leaf", token: token)
    try await signed.sign(image.id, image.file, by: "leaf", certificate: uuid)
    let down = ["OS_CLIENT_CONFIG_FILE": try host.clouds { $0["slipway"]?.values["key_manager_endpoint_override"] = "http://127.0.0.1:9" }]
    let words = ["--image", image.id, "--target", "rbd"]
    func makeAnew(_ change: () throws -> Void) throws {
      try stack.rbd("snap", "unprotect", "images/\(image.id)@snap")
      try stack.rbd("snap", "rm", "images/\(image.id)@snap", "--no-progress")
      try change()
      try stack.rbd("snap", "create", "images/\(image.id)@snap", "--no-progress")
      try stack.rbd("snap", "protect", "images/\(image.id)@snap")
    }
    let first = host.diskName()
    try await host.start(["disk", "create", first] + words).wait().succeeded()
    try await host.delete(first)
    // The same bytes, and nobody vouches for them.
    try makeAnew {}
    let second = host.diskName()
    try await host.start(["disk", "create", second] + words, environment: down).wait().failed(5, "certificate_service_unavailable")
    try await host.start(["disk", "create", second] + words).wait().succeeded()
    try await host.delete(second)
    #expect(host.stored("meta").count == 2)
    // Other bytes.
    try makeAnew {
      try stack.rbd("bench", "--io-type", "write", "--io-size", "4096", "--io-total", "4096", "images/\(image.id)")
    }
    let third = host.diskName()
    let error = try await host.start(["disk", "create", third] + words).wait()
    #expect(error.status == 4)
    #expect(["signature_mismatch", "digest_mismatch"].contains(try error.document()["error"]["code"].text))
    #expect(host.stored("meta").count == 2)
    try await signed.clear()
  }

  @Test func whereASignatureIsRequiredUnsignedImagesAreRefused() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.more = ["trust: { signature: required }"] }
    try await host.run("fetch", image.id).failed(4, "signature_required")
    let plan = try await host.run("plan", image.id)
    #expect(plan.status == 4)
    #expect(try plan.document()["error"]["code"].text == "signature_required")
    try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(4, "signature_required")
    host.expectEmptyStore()
  }

  @Test func everyImageIsVerifiedBeforeItsFirstCloneWherePolicySaysSo() async throws {
    let image = try await Images.fresh()
    let host = try Host { settings, _ in settings.more = ["trust: { clone: verify-all }"] }
    let disk = host.diskName()
    try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
    try await host.delete(disk)
    let wrong = try await Images.fresh()
    try await Images.glance("corrupt-hash", wrong.id)
    try await host.run("disk", "create", host.diskName(), "--image", wrong.id, "--target", "rbd").failed(4, "digest_mismatch")
    #expect(host.stored("meta").count == 1)
  }
}
