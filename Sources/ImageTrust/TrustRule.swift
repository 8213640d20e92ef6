public import Model

/// What is demanded otherwise of the images of one owner, of one store, or of one owner in one store. What it leaves out is demanded as by the
/// next rule that matches.
public struct TrustRule: Sendable, Hashable {
  /// The id of the project whose images it is about; nil for any.
  public var owner: String?
  /// The image service's store whose images it is about; nil for any.
  public var store: String?
  /// What it says; nil for nothing.
  public var signature: SignatureRequirement?
  public var digest: DigestRequirement?
  public var clone: CloneVerification?
  public var minimumRSABits: Int?
  public var minimumDSABits: Int?
  public var keyTypes: Set<SignatureKeyType>?
  public var formats: Set<String>?
  public var vmdkSubformats: Set<String>?
  /// 0 lifts the limit.
  public var maximumVirtualSize: ByteCount?
  public var signatureCoversDigest: Bool?

  /// A rule that says nothing yet.
  public init(owner: String? = nil, store: String? = nil) {
    self.owner = owner
    self.store = store
  }

  /// How it is called in plans, evidence and errors.
  public var name: String {
    switch (owner, store) {
    case (let owner?, let store?): "owner \(owner), store \(store)"
    case (let owner?, nil): "owner \(owner)"
    case (nil, let store?): "store \(store)"
    case (nil, nil): TrustPolicy.defaultName
    }
  }

  /// The demands with what it says in their place.
  public func applied(to demands: TrustDemands) -> TrustDemands {
    TrustDemands(
      signature: signature ?? demands.signature, digest: digest ?? demands.digest, clone: clone ?? demands.clone,
      keys: KeyPolicy(
        minimumRSABits: minimumRSABits ?? demands.keys.minimumRSABits, minimumDSABits: minimumDSABits ?? demands.keys.minimumDSABits,
        types: keyTypes ?? demands.keys.types),
      formats: formats ?? demands.formats, vmdkSubformats: vmdkSubformats ?? demands.vmdkSubformats,
      maximumVirtualSize: maximumVirtualSize.map { $0.bytes == 0 ? nil : $0 } ?? demands.maximumVirtualSize,
      signatureCoversDigest: signatureCoversDigest ?? demands.signatureCoversDigest)
  }

  /// How much it names: with both it comes before an owner's, which comes before a store's.
  var rank: Int { (owner == nil ? 0 : 2) + (store == nil ? 0 : 1) }
}

/// The whole policy of a host: what is demanded by default, and the rules that demand otherwise.
public struct TrustPolicy: Sendable, Hashable {
  /// What the demands are called that no rule changes.
  public static let defaultName = "default"

  /// What is demanded where no rule says otherwise.
  public var defaults: TrustDemands
  /// The rules, in any order; no two about the same owner and store.
  public var rules: [TrustRule]

  /// A policy.
  public init(defaults: TrustDemands = TrustDemands(), rules: [TrustRule] = []) {
    self.defaults = defaults
    self.rules = rules
  }

  /// What holds for the images of `owner` that lie in `stores` of the image service (both as far as that tells).
  ///
  /// Each question is answered by the first of these that says something: the rule about this owner in this store, the one about this owner, the
  /// one about this store, the default. An image may lie in several stores, and its bytes may come from any: it is resolved for each, and of
  /// the answers the strictest holds. An image whose stores are not told is in none.
  public func effective(owner: String?, stores: [String]) -> EffectiveRule {
    var name: [String] = []
    var demands: TrustDemands?
    for store in stores.isEmpty ? [nil] : stores.map({ $0 as String? }) {
      let matching = rules.filter { rule in
        (rule.owner == nil || rule.owner == owner) && (rule.store == nil || rule.store == store) && rule.rank > 0
      }.sorted { $0.rank < $1.rank }
      let found = matching.reduce(defaults) { $1.applied(to: $0) }
      demands = demands.map { $0.stricter(found) } ?? found
      let word = matching.last?.name ?? Self.defaultName
      if !name.contains(word) { name.append(word) }
    }
    return EffectiveRule(name: name.joined(separator: " + "), demands: demands ?? defaults, owner: owner, stores: stores)
  }
}
