public import Model

/// What the search for disks found: who stands on which base, and what could not be known.
public struct DiskReferences: Sendable, Hashable {
  /// A disk, or a directory of disks, of which it is not known what it stands on.
  public struct Unreadable: Sendable, Hashable {
    /// Its path.
    public var path: String
    /// Absolute paths of all that it may stand on, where something whole still tells them; nil when that may be anything.
    public var mayReferTo: [String]?
    /// One clause: what is wrong with it.
    public var problem: String
  }

  /// How many headers of disks with a backing file were read.
  public var overlays = 0
  /// How many files were looked at.
  public var files = 0
  /// The bases that disks stand on, directly or through other files, each with those disks' paths in order. A disk that is a base itself, by a
  /// link, counts.
  public var references: [FileIdentity: [String]] = [:]
  /// Backing files that disks name and that are not there, by absolute path, each with the disks that need them, in order. A domain's disk that is not there
  /// is needed by the domain.
  public var missing: [String: [String]] = [:]
  /// The domains whose disks these are, by path, in order; of disks that were named, and of the same files where they were found.
  public var domains: [String: [String]] = [:]
  /// What could not be read.
  public var unreadable: [Unreadable] = []
  /// Files that went while they were looked for: deleted, or renamed (then they were found under the other name, or will be by the next search).
  public var vanished: [String] = []
  /// Why the search did not come to its end, nil when it did: what it did not see may stand on anything.
  public var incomplete: String?

  /// Nothing found.
  public init() {}
}
