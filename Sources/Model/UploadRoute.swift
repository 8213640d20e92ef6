/// How a disk became an image. One closed set: answers, logs and metric labels use these words.
public enum UploadRoute: String, Sendable, Hashable, Codable, CaseIterable {
  /// A copy-on-write clone of the disk in the image service's own pool; no bytes were moved.
  case clone
  /// The bytes went to the image service over HTTP.
  case stream
}

/// What a guest would find on a disk's copy.
public enum Consistency: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nobody had the disk open.
  case atRest = "at_rest"
  /// The guest's agent had its file systems frozen.
  case quiesced
  /// As after a loss of power: a machine ran on it.
  case crash
}
