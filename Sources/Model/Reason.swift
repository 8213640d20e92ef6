/// Why a candidate was accepted or not. One closed set: plans, logs, the API and metric labels use these words.
public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
  /// The candidate can be used.
  case ok
  /// An earlier candidate was accepted first (spawns stop there).
  case notTried = "not_tried"

  // Permanent: the next candidate is looked at, down to the last route.
  case malformedURL = "malformed_url"
  case notASnapshot = "not_a_snapshot"
  case schemeNotAllowed = "scheme_not_allowed"
  case schemeUnsupported = "scheme_unsupported"
  case fsidMismatch = "fsid_mismatch"
  case unknownCluster = "unknown_cluster"
  case poolNotAllowed = "pool_not_allowed"
  case rootNotAllowed = "root_not_allowed"
  case notRaw = "not_raw"
  case containerNotBare = "container_not_bare"
  case encrypted
  case formatUnsupported = "format_unsupported"
  case tooLarge = "too_large"
  case belowMinDisk = "below_min_disk"
  case poolMissing = "pool_missing"
  case sourceMissing = "source_missing"
  case snapshotMissing = "snapshot_missing"
  case snapshotNotProtected = "snapshot_not_protected"
  case sizeMismatch = "size_mismatch"
  /// The bytes were moved and are not those that the digest describes.
  case digestMismatch = "digest_mismatch"
  case fallbackNotAllowed = "fallback_not_allowed"
  /// No configured backend has the volume: its Cinder host is not among `cinder.backends`.
  case backendNotAllowed = "backend_not_allowed"
  /// The volume belongs neither to the image's project nor, by its `image_owner`, to the image.
  case ownerMismatch = "owner_mismatch"
  /// The volume is in a state in which it cannot be read.
  case volumeNotReady = "volume_not_ready"
  /// The bytes are to be proved before a clone, and those of a volume may change after a proof.
  case volumeMutable = "volume_mutable"
  /// No pool for bases is configured where the disks are.
  case noPoolBase = "no_pool_base"
  /// No store to which the image service could copy an image is configured.
  case noCopyStore = "no_copy_store"
  // Why a disk is not uploaded by clone.
  /// `enable_clone_upload` is off.
  case cloneUploadOff = "clone_upload_off"
  /// No user who may write image pools is configured.
  case noUploadUser = "no_upload_user"
  /// The image service does not tell what lies behind its stores.
  case storeUnknown = "store_unknown"
  /// The store is no RBD pool.
  case storeNotRBD = "store_not_rbd"
  /// The image service does not take the location.
  case locationRefused = "location_refused"
  /// The disk is a local file.
  case notInRBD = "not_in_rbd"

  // Transient: never bars another direct candidate, only the descent to download or a full copy.
  case clusterUnreachable = "cluster_unreachable"
  case timeout
  case permissionDenied = "permission_denied"
  case sourceUnreachable = "source_unreachable"

  /// Whether the refusal says something about now rather than about the image (DESIGN: an outage must not turn into a herd).
  public var isTransient: Bool {
    switch self {
    case .clusterUnreachable, .timeout, .permissionDenied, .sourceUnreachable: true
    default: false
    }
  }
}
