public import Model

/// What is demanded of an image and its bytes, every question answered.
public struct TrustDemands: Sendable, Hashable {
  /// The kinds of VMDK that can be read at all: all bytes lie in the one file.
  public static let vmdkSubformats: Set<String> = ["monolithicSparse", "streamOptimized"]
  /// The words that an image service has for formats that may be read.
  public static let formats: Set<String> = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ami", "aki", "ari"]

  /// Whether it must be signed.
  public var signature: SignatureRequirement
  /// Whether a digest must be known.
  public var digest: DigestRequirement
  /// Whether its snapshot is verified before the first clone.
  public var clone: CloneVerification
  /// The keys that may sign it.
  public var keys: KeyPolicy
  /// The disk formats that it may have, in the image service's words.
  public var formats: Set<String>
  /// The kinds of VMDK that it may be (`createType`, case as VMware writes it).
  public var vmdkSubformats: Set<String>
  /// The most bytes that a guest may see; nil for no limit.
  public var maximumVirtualSize: ByteCount?
  /// Whether a signature over the bytes makes it unnecessary to compare a digest of another algorithm as well.
  public var signatureCoversDigest: Bool

  /// Demands; what is not given is the configuration's default.
  public init(
    signature: SignatureRequirement = .ifPresent, digest: DigestRequirement = .ifPresent, clone: CloneVerification = .verifySigned,
    keys: KeyPolicy = KeyPolicy(), formats: Set<String> = TrustDemands.formats, vmdkSubformats: Set<String> = TrustDemands.vmdkSubformats,
    maximumVirtualSize: ByteCount? = nil, signatureCoversDigest: Bool = false
  ) {
    self.signature = signature
    self.digest = digest
    self.clone = clone
    self.keys = keys
    self.formats = formats
    self.vmdkSubformats = vmdkSubformats
    self.maximumVirtualSize = maximumVirtualSize
    self.signatureCoversDigest = signatureCoversDigest
  }

  /// The stricter of both, question by question.
  public func stricter(_ other: TrustDemands) -> TrustDemands {
    TrustDemands(
      signature: max(signature, other.signature), digest: max(digest, other.digest), clone: max(clone, other.clone),
      keys: KeyPolicy(
        minimumRSABits: max(keys.minimumRSABits, other.keys.minimumRSABits),
        minimumDSABits: max(keys.minimumDSABits, other.keys.minimumDSABits), types: keys.types.intersection(other.keys.types)),
      formats: formats.intersection(other.formats), vmdkSubformats: vmdkSubformats.intersection(other.vmdkSubformats),
      maximumVirtualSize: [maximumVirtualSize, other.maximumVirtualSize].compactMap { $0 }.min(),
      signatureCoversDigest: signatureCoversDigest && other.signatureCoversDigest)
  }
}
