import Disks
import Foundation
import ImageStore
import ImageTrust
import Model
import Runtime
import Testing

@testable import Agent
@testable import Configuration

/// Rules of policy, on misses, hits and plans.
@Suite(.timeLimit(.minutes(2))) struct PolicyTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  @Test("the words of the configuration are those that can be judged by")
  func words() throws {
    let trust = try LoadedConfiguration.load(
      system: ConfigurationSystem(environment: [:], home: "/", read: { _ in nil }, isReadable: { _ in false })
    ).configuration.trust
    let policy = try TrustPolicy(trust)
    #expect(policy.defaults == TrustDemands() && policy.rules.isEmpty)
  }

  @Test("a rule about the owner holds for that owner's images")
  func owner() async throws {
    let strict = "trust: { rules: [{ owner: tenant-a, signature: required }] }"
    #expect(await bed.refusal(try bed.request(), strict) == .signatureRequired)
    bed.image.with { $0?.properties["owner"] = "tenant-b" }
    let answer = try await bed.fetch(bed.request(), strict)
    #expect(answer.record.evidence.policy?.rule == "default" && answer.record.evidence.policy?.owner == "tenant-b")
    // On a hit too.
    bed.image.with { $0?.properties["owner"] = "tenant-a" }
    #expect(await bed.refusal(try bed.request(), strict) == .signatureRequired)
    #expect(bed.downloads == 1)
  }

  @Test("a rule about a store holds for what lies in it, also beside another; the strictest counts")
  func store() async throws {
    let strict = "trust: { rules: [{ store: web, digest: required }] }"
    bed.image.with {
      $0?.algorithm = nil
      $0?.properties["stores"] = "ceph,web"
    }
    #expect(await bed.refusal(try bed.request(), strict) == .digestRequired)
    bed.image.with { $0?.properties["stores"] = "ceph" }
    let answer = try await bed.fetch(bed.request(), strict)
    #expect(answer.record.evidence.policy?.stores == ["ceph"])
    bed.image.with { $0?.properties["stores"] = "web" }
    #expect(await bed.refusal(try bed.request(), strict) == .digestRequired)
  }

  @Test("while the service is down the rule is that for the image that the evidence tells of")
  func keptRule() async throws {
    bed.image.with {
      $0?.algorithm = nil
      $0?.properties["stores"] = "web"
    }
    _ = try await bed.fetch(bed.request())
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try bed.request(), "trust: { rules: [{ store: web, digest: required }] }") == .digestRequired)
    #expect(await bed.refusal(try bed.request(), "trust: { rules: [{ owner: tenant-a, digest: required }] }") == .digestRequired)
    #expect(await bed.refusal(try bed.request(), "trust: { rules: [{ store: ceph, digest: required }] }") == nil)
  }

  @Test("a disk format that is not listed is refused before anything moves, on a hit, and without the service")
  func formats() async throws {
    let strict = "trust: { formats: [qcow2] }"
    #expect(await bed.refusal(try bed.request(), strict) == .formatNotAllowed)
    #expect(bed.downloads == 0)
    _ = try await bed.fetch(bed.request())
    #expect(await bed.refusal(try bed.request(), strict) == .formatNotAllowed)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try bed.request(), strict) == .formatNotAllowed)
    #expect(await bed.refusal(try bed.request()) == nil)
  }

  @Test("so is a size that is too large, also one that nobody told before the bytes came")
  func sizes() async throws {
    let strict = "trust: { max_virtual_size: 100K }"
    #expect(await bed.refusal(try bed.request(), strict) == .virtualSizeNotAllowed)
    #expect(bed.downloads == 0)
    bed.image.with { $0?.tellsSize = false }
    #expect(await bed.refusal(try bed.request(), strict) == .virtualSizeNotAllowed)
    #expect(bed.downloads == 1 && bed.names("bases").isEmpty && bed.names("tmp").isEmpty)
    _ = try await bed.fetch(bed.request())
    #expect(await bed.refusal(try bed.request(), strict) == .virtualSizeNotAllowed)
    bed.isDown.with { $0 = true }
    #expect(await bed.refusal(try bed.request(), strict) == .virtualSizeNotAllowed)
  }

  @Test("evidence tells what was found, by which rule and by whom")
  func evidence() async throws {
    let found = try await bed.fetch(bed.request()).record.evidence
    #expect(found.inspected == InspectedBytes(format: "raw", virtualSize: ByteCount(300_000)) && found.inspection == .accepted)
    #expect(
      found.policy
        == PolicyEvidence(
          rule: "default", owner: "tenant-a", stores: [], signature: .ifPresent, digest: .ifPresent, clone: .verifySigned))
    #expect(found.verifiedBy == ProgramVersion.program)
  }

  @Test("a disk keeps the evidence of the base that it was made from")
  func disks() async throws {
    try await bed.withAgent { agent in
      for target in [Target.qcow2, .raw] {
        let name = try DiskName("d-\(target.rawValue)")
        let made = try await agent.createDisk(name, from: bed.request(), target: target, size: nil, context: bed.context)
        let shown = try await agent.disk(name, context: bed.context)
        #expect(made.info.record.evidence?.verdict == .matched)
        #expect(shown.record.evidence == made.info.record.evidence)
      }
    }
  }

  @Test("a plan tells the rule and what it demands, and a refusal beside the ways")
  func plan() async throws {
    let (strict, lax) = ("trust: { rules: [{ owner: tenant-a, signature: required, max_virtual_size: 1M }] }", "trust: { signature: off }")
    let request = try bed.request()
    let refused = try await bed.withAgent(strict) { try await $0.plan(request, target: .qcow2, size: nil, context: bed.context) }
    #expect(refused.failure?.code == .signatureRequired && !refused.cached && refused.plan.candidates.count == 1)
    #expect(refused.plan.route == nil, "there is a way, and nothing would take it")
    let view = try #require(refused.policy)
    #expect(view.rule == "owner tenant-a" && view.signature == .required && view.maximumVirtualSize == .mib(1))
    #expect(
      view.demands == [
        "it must be signed, and is not", "the bytes must have its sha512 (os_hash)", "a guest may see 1 MiB at most",
      ])
    #expect(view.warnings.isEmpty)
    let passed = try await bed.withAgent(lax) { try await $0.plan(request, target: .qcow2, size: nil, context: bed.context) }
    #expect(passed.failure == nil && passed.policy?.rule == "default" && passed.policy?.warnings.count == 1)
    #expect(passed.policy?.demands.first == "no signature is looked at")
  }

  @Test(
    "what a snapshot must prove before it is cloned",
    arguments: [
      (CloneVerification.verifySigned, false, [String](), Bool?.none), (.verifySigned, true, [], false), (.verifyAll, false, [], true),
      (.verifyAll, true, [], true), (.trust, true, [], nil), (.trust, false, [], nil), (.trust, true, ["root"], false),
    ])
  func clones(_ clone: CloneVerification, _ isSigned: Bool, _ trusted: [String], _ comparesDigests: Bool?) throws {
    let properties = [
      "img_signature": "AAAA", "img_signature_hash_method": "SHA-256", "img_signature_key_type": "DSA",
      "img_signature_certificate_uuid": "c",
    ]
    var image = JudgementTests.image(try JudgementTests.digest(1, .sha512))
    image.rule = EffectiveRule(demands: TrustDemands(clone: clone))
    image.trusted = trusted
    image.signature = isSigned ? try ImageSignature.parse(properties, of: "it") : nil
    var demand = Demand(digests: image.compared, isRequired: false, object: "it", rule: image.rule)
    demand.signatures.signature = image.signature
    let wanted = Agent.demandOnClone(image, demand)
    #expect((wanted == nil) == (comparesDigests == nil))
    if let wanted { #expect(wanted.digests.isEmpty == (comparesDigests == false)) }
  }
}
