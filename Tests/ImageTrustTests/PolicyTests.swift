import Model
import Testing

@testable import ImageTrust

/// Which rule holds, and what it says: no I/O, one table.
@Suite struct PolicyTests {
  /// A policy with a rule of each rank.
  static let policy: TrustPolicy = {
    var owner = TrustRule(owner: "p1")
    owner.signature = .required
    owner.formats = ["raw"]
    var store = TrustRule(store: "web")
    store.signature = .off
    store.clone = .verifyAll
    store.maximumVirtualSize = .gib(10)
    var both = TrustRule(owner: "p1", store: "web")
    both.digest = .required
    both.maximumVirtualSize = ByteCount(0)
    var other = TrustRule(owner: "p2", store: "web")
    other.clone = .trust
    return TrustPolicy(defaults: TrustDemands(maximumVirtualSize: .gib(100)), rules: [store, both, other, owner])
  }()

  struct Case: Sendable, CustomTestStringConvertible {
    let owner: String?
    let stores: [String]
    let name: String
    let signature: SignatureRequirement
    let digest: DigestRequirement
    let clone: CloneVerification
    let maximum: ByteCount?

    var testDescription: String { "\(owner ?? "-") in \(stores)" }
  }

  static let cases: [Case] = [
    .init(
      owner: nil, stores: [], name: "default", signature: .ifPresent, digest: .ifPresent, clone: .verifySigned, maximum: .gib(100)),
    .init(
      owner: "p3", stores: ["ceph"], name: "default", signature: .ifPresent, digest: .ifPresent, clone: .verifySigned, maximum: .gib(100)),
    .init(
      owner: "p1", stores: [], name: "owner p1", signature: .required, digest: .ifPresent, clone: .verifySigned, maximum: .gib(100)),
    .init(
      owner: "p1", stores: ["ceph"], name: "owner p1", signature: .required, digest: .ifPresent, clone: .verifySigned, maximum: .gib(100)),
    .init(owner: "p3", stores: ["web"], name: "store web", signature: .off, digest: .ifPresent, clone: .verifyAll, maximum: .gib(10)),
    // What the most specific one leaves out comes from the owner's, then the store's.
    .init(
      owner: "p1", stores: ["web"], name: "owner p1, store web", signature: .required, digest: .required, clone: .verifyAll, maximum: nil),
    .init(owner: "p2", stores: ["web"], name: "owner p2, store web", signature: .off, digest: .ifPresent, clone: .trust, maximum: .gib(10)),
    // In two stores the strictest answer to each question holds, whatever the order.
    .init(
      owner: "p2", stores: ["web", "ceph"], name: "owner p2, store web + default", signature: .ifPresent, digest: .ifPresent,
      clone: .verifySigned, maximum: .gib(10)),
    .init(
      owner: "p2", stores: ["ceph", "web"], name: "default + owner p2, store web", signature: .ifPresent, digest: .ifPresent,
      clone: .verifySigned, maximum: .gib(10)),
    .init(
      owner: "p3", stores: ["a", "b"], name: "default", signature: .ifPresent, digest: .ifPresent, clone: .verifySigned, maximum: .gib(100)),
  ]

  @Test("the most specific rule that says something answers each question", arguments: cases)
  func effective(_ one: Case) {
    let found = Self.policy.effective(owner: one.owner, stores: one.stores)
    #expect(found.name == one.name)
    #expect(found.demands.signature == one.signature && found.demands.digest == one.digest && found.demands.clone == one.clone)
    #expect(found.demands.maximumVirtualSize == one.maximum)
    #expect(found.evidence.rule == one.name && found.evidence.owner == one.owner && found.evidence.stores == one.stores)
  }

  @Test("the order of the rules in the file does not matter")
  func order() {
    var turned = Self.policy
    turned.rules.reverse()
    for one in Self.cases {
      #expect(turned.effective(owner: one.owner, stores: one.stores) == Self.policy.effective(owner: one.owner, stores: one.stores))
    }
  }

  @Test("of two demands the stricter holds, question by question, whichever comes first")
  func stricter() {
    let a = TrustDemands(
      signature: .off, digest: .required, clone: .trust, keys: KeyPolicy(minimumRSABits: 4096, types: [.rsaPSS, .dsa]),
      formats: ["raw", "qcow2"], vmdkSubformats: [], maximumVirtualSize: nil, signatureCoversDigest: true)
    let b = TrustDemands(
      signature: .ifPresent, digest: .ifPresent, clone: .verifyAll, keys: KeyPolicy(minimumDSABits: 3072, types: [.rsaPSS, .secp384r1]),
      formats: ["raw", "iso"], maximumVirtualSize: .gib(1))
    let wanted = TrustDemands(
      signature: .ifPresent, digest: .required, clone: .verifyAll,
      keys: KeyPolicy(minimumRSABits: 4096, minimumDSABits: 3072, types: [.rsaPSS]), formats: ["raw"], vmdkSubformats: [],
      maximumVirtualSize: .gib(1))
    #expect(a.stricter(b) == wanted && b.stricter(a) == wanted)
    #expect(a.stricter(a) == a)
  }

  @Test("only what is lax is warned of")
  func warnings() {
    #expect(EffectiveRule().warnings.isEmpty)
    #expect(EffectiveRule(demands: TrustDemands(signature: .off, clone: .trust)).warnings.count == 2)
  }

  private func code(_ body: () throws(SlipwayError) -> Void) -> ErrorCode? {
    do throws(SlipwayError) {
      try body()
      return nil
    } catch {
      #expect(error.message.contains("'strict'"), "the rule is named: \(error.message)")
      return error.code
    }
  }

  @Test("what a rule does not allow has a code of its own, and the sentence names the rule")
  func refusals() throws {
    let rule = EffectiveRule(
      name: "strict",
      demands: TrustDemands(
        keys: KeyPolicy(types: [.dsa]), formats: ["raw", "vmdk"], vmdkSubformats: ["streamOptimized"], maximumVirtualSize: ByteCount(1000)))
    #expect(code { () throws(SlipwayError) in try rule.judge(format: "qcow2", of: "it") } == .formatNotAllowed)
    #expect(code { () throws(SlipwayError) in try rule.judge(format: "raw", of: "it") } == nil)
    #expect(code { () throws(SlipwayError) in try rule.judge(virtualSize: ByteCount(1001), of: "it") } == .virtualSizeNotAllowed)
    #expect(code { () throws(SlipwayError) in try rule.judge(virtualSize: ByteCount(1000), of: "it") } == nil)
    #expect(code { () throws(SlipwayError) in try rule.judge(vmdkSubformat: "monolithicSparse", of: "it") } == .formatNotAllowed)
    #expect(code { () throws(SlipwayError) in try rule.judge(vmdkSubformat: "STREAMOPTIMIZED", of: "it") } == nil)
    let large = InspectedBytes(format: "raw", virtualSize: ByteCount(2000))
    #expect(code { () throws(SlipwayError) in try rule.judge(large, of: "it") } == .virtualSizeNotAllowed)
    let properties = [
      "img_signature": "AAAA", "img_signature_hash_method": "SHA-256", "img_signature_key_type": "RSA-PSS",
      "img_signature_certificate_uuid": "c",
    ]
    let signature = try #require(try ImageSignature.parse(properties, of: "it"))
    #expect(code { () throws(SlipwayError) in try rule.judge(signature, of: "it") } == .keyNotAllowed)
  }

  @Test("evidence of a key that is not allowed any more does not count")
  func evidenceOfKeys() {
    #expect(KeyPolicy().accepts(keyType: "DSA", bits: 2048))
    #expect(!KeyPolicy(types: [.rsaPSS]).accepts(keyType: "DSA", bits: 2048))
    #expect(!KeyPolicy().accepts(keyType: "ed25519", bits: 256))
  }

  @Test("a kind of VMDK that older evidence does not tell is asked for only where policy limits the kinds")
  func untold() {
    let any = EffectiveRule()
    let some = EffectiveRule(demands: TrustDemands(vmdkSubformats: ["streamOptimized"]))
    #expect(any.isTold(by: nil, format: "vmdk") && some.isTold(by: nil, format: "raw"))
    #expect(!some.isTold(by: nil, format: "vmdk"))
    #expect(some.isTold(by: InspectedBytes(format: "vmdk", subformat: "streamOptimized", virtualSize: .gib(1)), format: "vmdk"))
  }
}
