public import Model

/// All that a decision rests on, gathered before it: bases, who refers to what, what could not be read, and the room on the file system.
public struct World: Sendable {
  /// The bases, in any order; names are unique.
  public var bases: [Base]
  /// Files that disks stand on, by device and inode, each with those disks' paths.
  public var references: [FileIdentity: [String]]
  /// Backing files that disks name and that cannot be found now, by absolute path, each with those disks' paths. A base may come back there, so
  /// they protect a base by path, and by file name: that is a pure function of a base's identity, also where another mount shows the store.
  public var missing: [String: [String]]
  /// Disks that could not be read: see `UnreadableDisk`.
  public var unreadable: [UnreadableDisk]
  /// Bytes that may still be used on the store's file system.
  public var free: Int64
  /// Bytes of the store's file system, 0 when it does not tell.
  public var total: Int64
  /// Bytes of what was put aside before and is not free yet, since disks stand on it: they are occupied, and no base's any more.
  public var pending = ByteCount(0)
  /// Now, seconds since 1970.
  public var now: Int64
  /// Why nothing may be evicted at all; empty when eviction is allowed.
  public var barriers: [Barrier]
  /// Bases that could not be evicted when it was tried, by name: what the look under the lock found. Told instead of any other reason.
  public var refused: [String: CleanPlan.Keep]

  /// A world.
  public init(
    bases: [Base], references: [FileIdentity: [String]] = [:], missing: [String: [String]] = [:], unreadable: [UnreadableDisk] = [],
    free: Int64, total: Int64, now: Int64, barriers: [Barrier] = [], refused: [String: CleanPlan.Keep] = [:]
  ) {
    self.bases = bases
    self.references = references
    self.missing = missing
    self.unreadable = unreadable
    self.free = free
    self.total = total
    self.now = now
    self.barriers = barriers
    self.refused = refused
  }
}
