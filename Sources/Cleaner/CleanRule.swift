/// The rule that chose a base for eviction; a closed set, used in documents, logs and metric labels.
public enum CleanRule: String, Sendable, Hashable, CaseIterable, Codable {
  /// No request will ask for it again: its images left the image service, are deactivated there, or have other bytes by now.
  case imageGone = "image_gone"
  /// Nothing used it for longer than `CleanPolicy.unusedFor`.
  case unused
  /// All bases together take more than `CleanPolicy.maxBytes`.
  case overSize = "over_size"
  /// The file system has less free than `CleanPolicy.minFree`.
  case lowSpace = "low_space"
  /// An operator asked for it (`cache purge`); never chosen by a plan.
  case purge
  /// There are more bases than `CleanPolicy.maxCount`.
  case overCount = "over_count"
}
