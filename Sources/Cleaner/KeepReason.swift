/// Why a base stays; a closed set, in the order in which they are asked: the first that holds is told.
public enum KeepReason: String, Sendable, Hashable, CaseIterable, Codable {
  /// Not a base of ours, or made by a newer Slipway: never touched.
  case notOurs = "not_ours"
  /// An operator pinned it.
  case pinned
  /// Work under way claims it.
  case leased
  /// A disk stands on it, directly or through other files.
  case inUse = "in_use"
  /// A disk could not be read, and may stand on it.
  case unreadableDisk = "unreadable_disk"
  /// It is younger than the minimum age, or the clock was set back since it was made.
  case young
  /// Nothing may be evicted on this host now (see `Barrier`).
  case blocked
  /// It could go, but no rule asks for it.
  case notNeeded = "not_needed"
}
