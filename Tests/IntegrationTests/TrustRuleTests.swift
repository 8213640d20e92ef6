import Foundation
import Testing

/// Rules of trust, on every route.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct TrustRuleTests {
  /// Every way to use an image, each with the words for it.
  private func ways(_ image: String, _ host: Host) -> [[String]] {
    [["fetch", image]] + ["rbd", "qcow2", "raw"].map { ["disk", "create", host.diskName(), "--image", image, "--target", $0] }
  }

  @Test("a rule about an owner holds for that owner's images alone, on every route, and a plan shows it")
  func owner() async throws {
    let project = try Stack.current().text("projects", "demo")
    let theirs = try await Images.fresh("--as", "demo")
    let ours = try await Images.fresh("--as", "other")
    let host = try Host { settings, _ in settings.more = ["trust: { rules: [{ owner: \(project), signature: required }] }"] }
    for words in ways(theirs.id, host) { try await host.start(words).wait().failed(4, "signature_required") }
    let warmed = try await host.run("prewarm", theirs.id, ours.id)
    #expect(warmed.status == 8)
    #expect(try warmed.document()["counts"]["fetched"].int == 1)
    let plan = try await host.run("plan", theirs.id)
    #expect(plan.status == 4)
    let document = try plan.document()
    #expect(document["policy"]["rule"].text == "owner \(project)" && document["policy"]["signature"].text == "required")
    #expect(document["error"]["code"].text == "signature_required" && document["candidates"].list.isEmpty == false)
    let people = try await host.runForPeople("plan", theirs.id)
    #expect(people.output.contains("trust rule: owner \(project)\n  - it must be signed, and is not\n"), "\(people.output)")
    let fine = try await host.run("plan", ours.id).succeeded()
    #expect(fine["policy"]["rule"].text == "default" && fine["error"] == .null && fine["cached"] == .bool(true))
  }

  @Test("a rule about a store holds for what lies in it, and formats, sizes and their refusals have codes of their own")
  func stores() async throws {
    let local = try await Images.shared.local()
    let raw = try await Images.shared.raw()
    let host = try Host { settings, _ in
      settings.more = ["trust: { max_virtual_size: 19M, rules: [{ store: local, formats: [qcow2], max_virtual_size: 0 }] }"]
    }
    for words in ways(local.id, host).filter({ !$0.contains("rbd") }) { try await host.start(words).wait().failed(4, "format_not_allowed") }
    for words in ways(raw.id, host) { try await host.start(words).wait().failed(4, "virtual_size_not_allowed") }
    host.expectEmptyStore()
    #expect(try await host.run("plan", local.id).document()["policy"]["rule"].text == "store local")
    // What came under a laxer policy is held against today's.
    let lax = try host.reconfigured { _, _ in }
    try await lax.run("fetch", raw.id).succeeded()
    try await host.run("fetch", raw.id).failed(4, "virtual_size_not_allowed")
    // A qcow2 of which Glance tells no virtual size is judged by what came.
    let qcow2 = try await Images.shared.qcow2()
    try await host.run("fetch", qcow2.id).failed(4, "virtual_size_not_allowed")
  }

  @Test("what gives up verification is warned of, and a request's own certificates are stronger than it")
  func lax() async throws {
    let signed = try Signed()
    try await signed.root("root")
    try await signed.leaf("leaf", by: "root")
    let token = try await Images.token("agent", project: "service")
    let (uuid, root) = (try await signed.store("leaf", token: token), try await signed.store("root", token: token))
    let image = try await Images.fresh()
    let other = try signed.scratch.sparse("other", size: 3 << 20, runs: [(0, 4096)], seed: 5)
    try await signed.sign(image.id, other, by: "leaf", certificate: uuid)
    let trusting = try Host { settings, _ in settings.more = ["trust: { clone: trust }"] }
    let disk = trusting.diskName()
    let words = ["disk", "create", disk, "--image", image.id, "--target", "rbd"]
    try await trusting.start(words + ["--trusted-cert", root]).wait().failed(4, "signature_mismatch")
    let made = try await trusting.start(words).wait().succeeded()
    #expect(made["evidence"] == .null)
    #expect(trusting.stored("meta").isEmpty)
    try await trusting.delete(disk)
    try await trusting.run("fetch", image.id).failed(4, "signature_mismatch")
    let off = try Host { settings, _ in settings.more = ["trust: { signature: off }"] }
    try await off.run("fetch", image.id, "--trusted-cert", root).failed(4, "signature_mismatch")
    #expect(try await off.run("fetch", image.id).succeeded()["evidence"]["policy"]["signature"].text == "off")
    for (host, key) in [(trusting, "trust.clone: trust"), (off, "trust.signature: off")] {
      let check = try await host.run("config", "check").succeeded()
      #expect(check["warnings"].list.contains { $0.text?.hasPrefix(key) == true })
      let doctor = try await host.run("doctor").succeeded()
      #expect(doctor["checks"].list.first { $0["name"].text == "trust policy" }?["status"].text == "warning")
      #expect(try await host.run("plan", image.id).document()["policy"]["warnings"].list.count == 1)
    }
    try await signed.clear()
  }

  @Test("an unknown key anywhere in the section refuses the whole configuration")
  func strict() async throws {
    let host = try Host { settings, _ in settings.more = ["trust: { rules: [{ owner: p, sign: required }] }"] }
    let error = try await host.run("fetch", UUID().uuidString).failed(2, "configuration")
    #expect(error["message"].text?.contains("trust.rules[].sign") == true)
  }

  @Test("cache show prints the evidence, for people too")
  func evidence() async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    try await host.run("fetch", image.id).succeeded()
    let shown = try #require(try await host.run("cache", "show", image.id).succeeded()["bases"].list.first?["evidence"])
    #expect(shown["inspection"].text == "accepted" && shown["inspected_virtual_size"].int == 20 << 20)
    #expect(shown["policy"]["rule"].text == "default" && shown["verified_by"].text?.hasPrefix("slipway ") == true)
    let people = try await host.runForPeople("cache", "show", image.id).output
    for word in ["inspected ", "policy ", "by slipway "] { #expect(people.contains(word), "\(people)") }
  }
}
