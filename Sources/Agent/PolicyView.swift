internal import ImageTrust
public import Model

/// The rule of policy that holds for an image, and what it demands of this one on this target.
public struct PolicyView: Sendable, Hashable {
  /// The rule's name.
  public let rule: String
  /// The project whose image it is, nil when nobody told.
  public let owner: String?
  /// The image service's stores in which it lies.
  public let stores: [String]
  /// Whether an image must be signed.
  public let signature: SignatureRequirement
  /// Whether a digest must be known.
  public let digest: DigestRequirement
  /// Which snapshots are verified before their first clone.
  public let clone: CloneVerification
  /// The fewest bits of keys.
  public let minimumRSABits: Int
  public let minimumDSABits: Int
  /// Types of keys, disk formats and kinds of VMDK that are allowed, sorted.
  public let keyTypes: [String]
  public let formats: [String]
  public let vmdkSubformats: [String]
  /// The most bytes that a guest may see, nil for no limit.
  public let maximumVirtualSize: ByteCount?
  /// Whether a signature makes a digest of another algorithm unnecessary.
  public let signatureCoversDigest: Bool
  /// What it means for this image on this target, a sentence each.
  public let demands: [String]
  /// What an operator should know who made it so lax, one clause each.
  public let warnings: [String]

  init(_ image: ResolvedImage, _ demand: Demand, target: Target) {
    let found = image.rule.demands
    rule = image.rule.name
    owner = image.rule.owner
    stores = image.rule.stores
    signature = found.signature
    digest = found.digest
    clone = found.clone
    minimumRSABits = found.keys.minimumRSABits
    minimumDSABits = found.keys.minimumDSABits
    keyTypes = found.keys.types.map(\.rawValue).sorted()
    formats = found.formats.sorted()
    vmdkSubformats = found.vmdkSubformats.sorted()
    maximumVirtualSize = found.maximumVirtualSize
    signatureCoversDigest = found.signatureCoversDigest
    let wanted = target == .rbd ? Agent.demandOnClone(image, demand) : demand
    var demands = [Self.signatureWords(demand.signatures, isRead: wanted != nil), Self.digestWords(image, demand, wanted)]
    if target == .rbd {
      demands.append(
        wanted == nil
          ? "nothing is read before a disk is cloned" : "the snapshot is read and verified once, before its first clone on this host")
    }
    if let maximum = found.maximumVirtualSize { demands.append("a guest may see \(maximum) at most") }
    self.demands = demands
    warnings = image.rule.warnings
  }

  private static func signatureWords(_ demand: SignatureDemand, isRead: Bool) -> String {
    guard let signature = demand.signature else {
      if demand.isRequired { return "it must be signed, and is not" }
      return demand.isOff ? "no signature is looked at" : "it is not signed, and need not be"
    }
    let what = "its signature (\(signature.keyType.rawValue), \(signature.hash.rawValue), certificate \(signature.certificate))"
    guard isRead else { return "\(what) is not verified for a clone" }
    guard !demand.trusted.isEmpty else { return "\(what) must be good" }
    return "\(what) must be good, and its certificate have a chain of \(demand.trusted.map(\.text).joined(separator: ", "))"
  }

  private static func digestWords(_ image: ResolvedImage, _ demand: Demand, _ wanted: Demand?) -> String {
    if image.isCovered, demand.digests.isEmpty { return "its signature covers the bytes, so no digest is compared" }
    guard !demand.digests.isEmpty else {
      return demand.isRequired ? "a digest must be known, and none is" : "no digest is known, and none need be"
    }
    let words = demand.digests.map { "\($0.digest.algorithm.rawValue) (\($0.from))" }.joined(separator: ", ")
    return wanted?.digests.isEmpty == false ? "the bytes must have its \(words)" : "its \(words) is not compared for a clone"
  }
}
