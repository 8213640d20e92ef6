import Configuration
import Model
import Testing

@Suite struct TrustTests {
  @Test("the defaults are strict, answer everything, and are nothing to warn of")
  func defaults() throws {
    let loaded = try load("")
    let trust = loaded.configuration.trust
    #expect(trust.defaults.signature == .ifPresent && trust.defaults.digest == .ifPresent && trust.defaults.clone == .verifySigned)
    #expect(trust.defaults.minimumRSABits == 2048 && trust.defaults.minimumDSABits == 2048 && trust.defaults.keyTypes?.count == 8)
    #expect(trust.defaults.formats?.contains("raw") == true && trust.defaults.vmdkSubformats?.count == 2)
    #expect(trust.defaults.maximumVirtualSize == ByteCount(0) && trust.defaults.signatureCoversDigest == false)
    #expect(trust.rules.isEmpty && loaded.warnings.isEmpty)
  }

  @Test("a rule says what it says, and leaves the rest out")
  func rules() throws {
    let text = """
      trust:
        max_virtual_size: 2T
        rules:
          - { owner: 5ef7, signature: required, formats: [raw, qcow2], max_virtual_size: 10G }
          - { store: web, clone: verify-all, key_types: [RSA-PSS] }
      """
    let loaded = try load(text)
    let trust = loaded.configuration.trust
    #expect(trust.defaults.maximumVirtualSize == .gib(2048))
    #expect(trust.rules.map(\.owner) == ["5ef7", nil] && trust.rules.map(\.store) == [nil, "web"])
    #expect(trust.rules[0].signature == .required && trust.rules[0].formats == ["raw", "qcow2"])
    #expect(trust.rules[0].maximumVirtualSize == .gib(10) && trust.rules[0].clone == nil && trust.rules[0].keyTypes == nil)
    #expect(trust.rules[1].clone == .verifyAll && trust.rules[1].keyTypes == ["RSA-PSS"] && trust.rules[1].signature == nil)
    #expect(loaded.warnings.isEmpty)
    #expect(try load(loaded.yaml).configuration.trust == trust)
  }

  @Test(
    "what is lax is warned of, by its place",
    arguments: [
      ("trust: { signature: off }", "trust.signature: off: "), ("trust: { clone: trust }", "trust.clone: trust: "),
      ("trust: { rules: [{ owner: p, clone: trust }] }", "trust.rules (owner p): clone: trust: "),
      ("trust: { rules: [{ owner: p, store: s, signature: off }] }", "trust.rules (owner p, store s): signature: off: "),
    ])
  func lax(_ text: String, _ warning: String) throws {
    let warnings = try load(text).warnings
    #expect(warnings.count == 1 && warnings.first?.hasPrefix(warning) == true)
  }

  @Test(
    "the section is refused as a whole for a key, a word or a rule that is wrong",
    arguments: [
      ("trust: { signatures: off }", "trust.signatures"), ("trust: { signature: none }", "trust.signature"),
      ("trust: { formats: [qed] }", "trust.formats"), ("trust: { formats: [] }", "trust.formats"),
      ("trust: { key_types: [RSA] }", "trust.key_types"), ("trust: { min_rsa_bits: 512 }", "trust.min_rsa_bits"),
      ("trust: { vmdk_subformats: [monolithicFlat] }", "trust.vmdk_subformats"),
      ("trust: { rules: [{ owner: p, signed: required }] }", "trust.rules[].signed"),
      ("trust: { rules: [{ signature: required }] }", "trust.rules"),
      ("trust: { rules: [{ owner: p }, { owner: p, clone: trust }] }", "trust.rules"),
      ("trust: { rules: [{ owner: p, formats: [] }] }", "trust.rules"),
    ])
  func refused(_ text: String, _ key: String) throws {
    let found = try problems(text)
    #expect(found.map(\.key) == [key])
    #expect(throws: SlipwayError.self) { try load(text) }
  }
}
