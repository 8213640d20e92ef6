/// A disk of which it is not known what it stands on.
///
/// The rule: such a disk protects whatever it may refer to. Where its header still gives a name for the backing file, that is what the name leads
/// to; where it gives none, every base, since nothing else about a disk (its age, its size, its place) tells what its backing file is called:
/// bases are made again under the same name, so even a base younger than the disk may be its own.
public struct UnreadableDisk: Sendable, Hashable {
  /// What it may stand on.
  public enum Extent: Sendable, Hashable {
    /// Any base.
    case anything
    /// The base with this absolute path or file name.
    case path(String)
  }

  /// Its path.
  public var disk: String
  /// What it may stand on.
  public var mayReferTo: Extent
  /// One sentence: what is wrong with it.
  public var problem: String

  /// A disk that could not be read.
  public init(disk: String, mayReferTo: Extent, problem: String) {
    self.disk = disk
    self.mayReferTo = mayReferTo
    self.problem = problem
  }
}
