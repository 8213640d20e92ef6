import Model
import Testing
import Wire

/// What documents tell of policy and evidence, to the byte.
@Suite struct PolicyGoldenTests {
  @Test func aPlanWithItsRuleAndItsRefusal() throws {
    let policy = PolicyDocument(
      rule: "owner p, store s", owner: "p", stores: ["s"], signature: "required", digest: "if-present", clone: "verify-all",
      minRSABits: 3072, minDSABits: 2048, keyTypes: ["RSA-PSS"], formats: ["raw"], vmdkSubformats: [], maxVirtualSize: nil,
      signatureCoversDigest: false, demands: ["it must be signed, and is not"], warnings: [])
    let document = PlanDocument(
      image: "i", plan: Plan(target: .qcow2, chosen: nil, candidates: []), cached: false, policy: policy,
      error: SlipwayError(.signatureRequired, "image i is not signed", object: "i"))
    #expect(
      try WireCoding.text(document)
        == #"{"cached":false,"candidates":[],"convert":null,"error":{"code":"signature_required","hint":null,"message":"image i is not signed","object":"i","retry":"never"},"image":"i","policy":{"clone":"verify-all","demands":["it must be signed, and is not"],"digest":"if-present","formats":["raw"],"key_types":["RSA-PSS"],"max_virtual_size":null,"min_dsa_bits":2048,"min_rsa_bits":3072,"owner":"p","rule":"owner p, store s","signature":"required","signature_covers_digest":false,"stores":["s"],"vmdk_subformats":[],"warnings":[]},"route":null,"target":"qcow2","version":1}"#
    )
  }

  @Test func evidenceTellsWhatWasFoundByWhomAndByWhichRule() throws {
    let evidence = Evidence(
      verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(3), inspectedFormat: "vmdk",
      inspectedSubformat: "streamOptimized",
      verifiedAt: "2026-01-01T00:00:00Z",
      inspectedVirtualSize: ByteCount(7), inspection: .accepted,
      policy: PolicyEvidence(rule: "default", owner: nil, stores: [], signature: .off, digest: .required, clone: .trust),
      verifiedBy: "slipway 9")
    #expect(
      try WireCoding.text(EvidenceDocument(evidence))
        == #"{"also":[],"computed":null,"conversion":null,"digest":"none","expected":null,"expected_from":null,"inspected_format":"vmdk","inspected_subformat":"streamOptimized","inspected_virtual_size":7,"inspection":"accepted","partitions":null,"policy":{"clone":"trust","digest":"required","owner":null,"rule":"default","signature":"off","stores":[]},"signatures":[],"source_size":3,"verified_at":"2026-01-01T00:00:00Z","verified_by":"slipway 9"}"#
    )
  }

  @Test func anAudit() throws {
    let base = AuditDocument.Base(
      name: "b.raw", path: "/s/bases/b.raw", images: ["i"], madeBy: "slipway", rule: "default", verdict: "failed",
      findings: [.init(code: "digest_mismatch", message: "it holds other bytes", bytes: true)], read: 7, usedBy: ["/d/x.qcow2"],
      consequence: "marked", quarantine: nil, error: nil)
    #expect(
      try WireCoding.text(AuditDocument(store: "/s", bases: [base], pool: [], unavailable: nil, unsearched: [], seconds: 0.5))
        == #"{"bases":[{"consequence":"marked","error":null,"findings":[{"bytes":true,"code":"digest_mismatch","message":"it holds other bytes"}],"images":["i"],"made_by":"slipway","name":"b.raw","path":"/s/bases/b.raw","quarantine":null,"read":7,"rule":"default","used_by":["/d/x.qcow2"],"verdict":"failed"}],"counts":{"failed":1,"passed":0,"unjudged":0},"pool":[],"seconds":0.5,"store":"/s","unavailable":null,"unsearched":[],"version":1}"#
    )
  }
}
