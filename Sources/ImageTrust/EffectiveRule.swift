public import Model

/// What holds for one image: the demands, and the name of the rule that they come from.
public struct EffectiveRule: Sendable, Hashable {
  /// The name of the most specific rule that matches; of several, where the image lies in several stores.
  public let name: String
  /// What is demanded.
  public let demands: TrustDemands
  /// The project whose image it is.
  public let owner: String?
  /// The stores in which it lies.
  public let stores: [String]

  /// A rule as it was found; by default what holds without any configuration.
  public init(
    name: String = TrustPolicy.defaultName, demands: TrustDemands = TrustDemands(), owner: String? = nil, stores: [String] = []
  ) {
    self.name = name
    self.demands = demands
    self.owner = owner
    self.stores = stores
  }

  /// As evidence keeps it.
  public var evidence: PolicyEvidence {
    PolicyEvidence(
      rule: name, owner: owner, stores: stores, signature: demands.signature, digest: demands.digest, clone: demands.clone)
  }

  /// What an operator should know who made it so lax.
  public var warnings: [String] { [demands.signature.warning, demands.clone.warning].compactMap { $0 } }

  /// Throws `format_not_allowed` for a disk format (the image service's word) that is not listed.
  public func judge(format: String, of object: String) throws(SlipwayError) {
    guard !demands.formats.contains(format) else { return }
    throw SlipwayError(
      .formatNotAllowed,
      "image \(object) has disk_format '\(format.prefix(40))', and the trust rule '\(name)' allows \(list(demands.formats))",
      object: object, hint: "convert it to a format that is allowed, or list this one in formats of that rule")
  }

  /// Throws `format_not_allowed` for a kind of VMDK that is not listed.
  public func judge(vmdkSubformat: String, of object: String) throws(SlipwayError) {
    guard !demands.vmdkSubformats.contains(where: { $0.lowercased() == vmdkSubformat.lowercased() }) else { return }
    throw SlipwayError(
      .formatNotAllowed,
      "image \(object) is a VMDK of kind '\(vmdkSubformat.prefix(40))', and the trust rule '\(name)' allows \(list(demands.vmdkSubformats))",
      object: object, hint: "convert it, or list this kind in vmdk_subformats of that rule")
  }

  /// Throws `virtual_size_not_allowed` for more bytes than a guest may see.
  public func judge(virtualSize: ByteCount, of object: String) throws(SlipwayError) {
    guard let maximum = demands.maximumVirtualSize, virtualSize > maximum else { return }
    throw SlipwayError(
      .virtualSizeNotAllowed,
      "image \(object) has a virtual size of \(virtualSize) (\(virtualSize.bytes) bytes), and the trust rule '\(name)' allows \(maximum) (\(maximum.bytes))",
      object: object, hint: "make a smaller image, or raise max_virtual_size of that rule")
  }

  /// Throws `key_not_allowed` for a type of key that is not listed.
  public func judge(_ signature: ImageSignature, of object: String) throws(SlipwayError) {
    guard !demands.keys.types.contains(signature.keyType) else { return }
    throw SlipwayError(
      .keyNotAllowed,
      "image \(object) is signed by a key of type \(signature.keyType.rawValue), and the trust rule '\(name)' allows \(list(Set(demands.keys.types.map(\.rawValue))))",
      object: object, hint: "sign it with a key that is allowed, or list this type in key_types of that rule")
  }

  /// Throws what the judgements of format, kind and size throw, for what inspection found.
  public func judge(_ found: InspectedBytes, of object: String) throws(SlipwayError) {
    if found.format == "vmdk", let subformat = found.subformat { try judge(vmdkSubformat: subformat, of: object) }
    try judge(virtualSize: found.virtualSize, of: object)
  }

  /// Whether inspection told what there is to be judged: older evidence does not say which kind of VMDK it was.
  public func isTold(by found: InspectedBytes?, format: String) -> Bool {
    guard format == "vmdk", demands.vmdkSubformats != TrustDemands.vmdkSubformats else { return true }
    return found?.subformat != nil
  }

  private func list(_ words: Set<String>) -> String { words.isEmpty ? "none" : words.sorted().joined(separator: ", ") }
}
