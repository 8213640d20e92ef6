/// The status of an image in the image service (Glance v2 enumeration); what a caller gets for each is decided by `use(purpose:)` rules of Agent.
public enum ImageStatus: String, Sendable, Hashable, Codable {
  case queued, saving, uploading, importing, active, deactivated, killed, deleted
  case pendingDelete = "pending_delete"
  /// A word that we don't know: treated as not ready.
  case unknown
}

/// What the image service says of an image, or what an operator said who named a location.
public struct ImageDescription: Sendable, Hashable {
  /// The id; nil when an operator named a location and no image service is involved.
  public var id: ImageID?
  /// The display name.
  public var name: String?
  /// The status.
  public var status: ImageStatus
  /// Format of the bytes, as claimed (`raw`, `qcow2`, …); nil when not told.
  public var diskFormat: String?
  /// Container around the bytes, as claimed; `bare` is none; nil when not told.
  public var containerFormat: String?
  /// Size of the stored bytes, nil while unknown.
  public var size: ByteCount?
  /// Size that a guest sees, nil while unknown.
  public var virtualSize: ByteCount?
  /// The smallest disk that the image wants, in GiB (Glance `min_disk`), 0 for none.
  public var minDiskGiB: Int64
  /// The strong digest of the stored bytes (`os_hash_algo`, `os_hash_value`), nil when absent, pending or of an unknown algorithm.
  public var digest: Digest?
  /// Whether `os_hash_algo` is set and `os_hash_value` is null: the image service is still hashing.
  public var digestPending: Bool
  /// The md5 `checksum`, if any.
  public var checksum: Digest?
  /// The owning project.
  public var owner: String?
  /// `public`, `private`, `shared` or `community`.
  public var visibility: String?
  /// Whether the image is hidden from default listings.
  public var hidden: Bool
  /// The image of the kernel that a machine of this one boots (`kernel_id`), nil when it boots from its disk.
  public var kernelID: ImageID?
  /// The image of the ramdisk that goes with the kernel (`ramdisk_id`).
  public var ramdiskID: ImageID?
  /// All `img_signature*` properties, as they are.
  public var signature: [String: String]
  /// The ids of the image service's stores in which it lies, in the service's order; empty where there is but one, or none was told.
  public var stores: [String]
  /// The tags that were put on it in the image service.
  public var tags: [String] = []
  /// Whether the image says that its bytes are encrypted (`os_encrypt_*`, or `cinder_encryption_key_id`).
  public var encrypted: Bool
  /// Where the bytes lie, in the order of preference; duplicates once.
  public var locations: [Location]
  /// Whether the service told locations at all (false: none shown to these credentials).
  public var locationsShown: Bool

  /// A description; everything not given is unknown or absent.
  public init(
    id: ImageID? = nil, name: String? = nil, status: ImageStatus = .active, diskFormat: String? = nil, containerFormat: String? = "bare",
    size: ByteCount? = nil, virtualSize: ByteCount? = nil, minDiskGiB: Int64 = 0, digest: Digest? = nil, digestPending: Bool = false,
    checksum: Digest? = nil, owner: String? = nil, visibility: String? = nil, hidden: Bool = false, kernelID: ImageID? = nil,
    ramdiskID: ImageID? = nil, signature: [String: String] = [:],
    stores: [String] = [], encrypted: Bool = false, locations: [Location] = [], locationsShown: Bool = true
  ) {
    self.id = id
    self.name = name
    self.status = status
    self.diskFormat = diskFormat
    self.containerFormat = containerFormat
    self.size = size
    self.virtualSize = virtualSize
    self.minDiskGiB = minDiskGiB
    self.digest = digest
    self.digestPending = digestPending
    self.checksum = checksum
    self.owner = owner
    self.visibility = visibility
    self.hidden = hidden
    self.kernelID = kernelID
    self.ramdiskID = ramdiskID
    self.signature = signature
    self.stores = stores
    self.encrypted = encrypted
    self.locations = locations
    self.locationsShown = locationsShown
  }

  /// The claimed format, nil for a word that we don't know.
  public var knownFormat: DiskFormat? { diskFormat.flatMap(DiskFormat.init(rawValue:)) }

  /// The size that a guest sees, where the description tells it: of plain sectors it is their number.
  public var knownVirtualSize: ByteCount? { virtualSize ?? (knownFormat?.isPlainSectors == true ? size : nil) }

  /// The format that `qemu-img` has to convert from; nil for bytes that we read.
  public var converted: DiskFormat? { knownFormat.flatMap { $0.isConverted ? $0 : nil } }

  /// What to call the image in a sentence: its id, else its first location, else its name.
  public var label: String { id?.text ?? locations.first?.description ?? name ?? "image" }
}
