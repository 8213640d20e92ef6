internal import Configuration
internal import ImageTrust
internal import Model

extension TrustPolicy {
  /// The policy of a configuration.
  init(_ trust: Configuration.Trust) throws(SlipwayError) {
    var rules: [TrustRule] = []
    for rule in trust.rules { rules.append(try TrustRule(rule)) }
    self.init(defaults: try TrustRule(trust.defaults).applied(to: TrustDemands()), rules: rules)
  }
}

extension TrustRule {
  fileprivate init(_ rule: Configuration.Trust.Rule) throws(SlipwayError) {
    self.init(owner: rule.owner, store: rule.store)
    signature = rule.signature
    digest = rule.digest
    clone = rule.clone
    minimumRSABits = rule.minimumRSABits
    minimumDSABits = rule.minimumDSABits
    if let words = rule.keyTypes {
      var types: Set<SignatureKeyType> = []
      for word in words {
        guard let type = SignatureKeyType(rawValue: word) else {
          throw SlipwayError(
            .internalError, "the configuration takes the key type '\(word)', which nothing can verify", object: "trust.key_types")
        }
        types.insert(type)
      }
      keyTypes = types
    }
    formats = rule.formats.map { Set($0) }
    vmdkSubformats = rule.vmdkSubformats.map { Set($0) }
    maximumVirtualSize = rule.maximumVirtualSize
    signatureCoversDigest = rule.signatureCoversDigest
  }
}
