/// What of a format may pass. What is dangerous in any case (backing files, external data files, unknown incompatible features, several formats at
/// once, a VMDK whose data is not inside it) is refused whatever stands here.
public struct InspectionPolicy: Sendable, Hashable {
  /// The VMDK subformats (`createType`) that may pass, compared without regard to case. (Rule: Nova and Cinder `vmdk_allowed_types`.)
  public var vmdkSubformats: Set<String> = ["monolithicSparse", "streamOptimized"]
  /// Whether LUKS 2 may pass beside LUKS 1.
  public var allowsLUKS2 = true
  /// Whether a qcow2 with extended L2 entries may pass. Our own reader does not know them.
  public var allowsExtendedL2 = false
  /// Whether the first sector of raw bytes must hold a partition table that makes sense where it has the signature of one.
  public var checksPartitions = true
  /// Whether an ISO may pass for raw, as in a base's own file: its sectors are kept as they are. What a user claims must be true.
  public var allowsISOAsRaw = false
  /// The largest size in bytes that a guest may see; nil for none but the format's own.
  public var maximumVirtualSize: Int64?
  /// The most rounds of its key derivation that a LUKS 1 header may demand: whoever opens it has to do them. (oslo.utils `luks_iter_limit`.)
  public var luksIterations: UInt32 = 12_000_000

  /// The defaults, which are those of Nova and Glance where they have any.
  public init() {}

  func allows(vmdkSubformat type: String) -> Bool { vmdkSubformats.contains { $0.lowercased() == type.lowercased() } }
}
