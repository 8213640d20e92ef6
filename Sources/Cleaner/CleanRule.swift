/// The rule that chose a base for eviction; a closed set, used in documents, logs and metric labels.
public enum CleanRule: String, Sendable, Hashable, CaseIterable, Codable {
  /// Nothing used it for longer than `CleanPolicy.unusedFor`.
  case unused
  /// All bases together take more than `CleanPolicy.maxBytes`.
  case overSize = "over_size"
  /// The file system has less free than `CleanPolicy.minFree`.
  case lowSpace = "low_space"
  /// There are more bases than `CleanPolicy.maxCount`.
  case overCount = "over_count"
}
