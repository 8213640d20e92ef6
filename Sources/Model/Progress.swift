/// How far a request is: the phase, and bytes in absolute numbers.
public struct Progress: Sendable, Hashable {
  /// The phases that a caller sees, in the order in which they can come.
  public enum Phase: String, Sendable, Hashable, Codable, CaseIterable {
    case planning, waiting, transferring, converting, verifying, publishing, cloning, done
  }

  /// Where we are.
  public var phase: Phase
  /// Bytes of the image that are behind us, holes included, 0 to `total`.
  public var position: Int64
  /// The image's size in bytes, nil while unknown.
  public var total: Int64?

  /// Progress; `position` in bytes.
  public init(phase: Phase, position: Int64 = 0, total: Int64? = nil) {
    self.phase = phase
    self.position = position
    self.total = total
  }
}

/// How many bytes moved, of each kind.
public struct ByteTally: Sendable, Hashable, Codable {
  /// Size that a guest sees.
  public var virtual: Int64
  /// Bytes read from the source.
  public var read: Int64
  /// Bytes written to the target.
  public var written: Int64
  /// Bytes of holes and zero runs that were not written.
  public var holes: Int64

  /// A tally.
  public init(virtual: Int64 = 0, read: Int64 = 0, written: Int64 = 0, holes: Int64 = 0) {
    self.virtual = virtual
    self.read = read
    self.written = written
    self.holes = holes
  }
}
