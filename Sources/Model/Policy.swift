/// What a permanent refusal of `clone` may cost (configuration key `on_not_cloneable`).
public enum OnNotCloneable: String, Sendable, Hashable, Codable, CaseIterable {
  /// The image is imported once into a base in the pool, and disks are clones of that.
  case fallback
  /// The image service is asked to copy the image into a store of our cluster, and the copy is cloned.
  case copyToStore = "copy-to-store"
  /// Nothing: the request is refused.
  case fail
}

/// Whether a request may descend to a download or a full copy when a direct route failed for a transient reason (`on_direct_failed`).
public enum OnDirectFailed: String, Sendable, Hashable, Codable, CaseIterable {
  /// No: the request ends as unavailable, so that an outage does not turn into a herd on the image service.
  case fail
  /// Yes.
  case fallback
}
