/// A way from a location to a base or a disk. One closed set: plans, logs, the API and metric labels use these words.
public enum Route: String, Sendable, Hashable, Codable, CaseIterable {
  /// Copy-on-write clone of the location's snapshot, in the same cluster.
  case clone
  /// Clone of a pool base into which the image was imported once.
  case baseClone = "base_clone"
  /// Clone of the Cinder volume behind a `cinder://` location, in the same cluster.
  case cinderClone = "cinder_clone"
  /// The image service copies the image into a store of our cluster, then `clone`.
  case storeCopy = "store_copy"
  /// The snapshot is read straight from RBD into a base of the local store.
  case export
  /// A local file under an allowed root.
  case file
  /// HTTP from the image service, or from a URL that an operator named.
  case download
}

/// What a disk is made on.
public enum Target: String, Sendable, Hashable, Codable, CaseIterable {
  /// An RBD image in a pool.
  case rbd
  /// A local qcow2 overlay on a base.
  case qcow2
  /// A local flat raw file.
  case raw
}
