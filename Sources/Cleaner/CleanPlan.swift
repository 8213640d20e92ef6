public import Model

/// What goes, in this order, and what stays: every base of the world is in one of the two.
public struct CleanPlan: Sendable, Hashable {
  /// A base that goes.
  public struct Eviction: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Which file was meant: another under the same name is another base.
    public var file: FileIdentity
    /// The rule that chose it; where several do, the first in their order.
    public var rule: CleanRule
    /// Bytes that its end frees.
    public var allocated: ByteCount
    /// For people: more about the rule. One clause; nil when the rule says it all.
    public var detail: String?
    /// Whether disks stand on it: it is put aside, and frees nothing before the last of them is gone.
    public var isDeferred = false
  }

  /// A base that stays.
  public struct Keep: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Why.
    public var reason: KeepReason
    /// For people: by whom, until when. One clause; nil when the reason says it all.
    public var detail: String?

    /// That a base stays.
    public init(name: String, reason: KeepReason, detail: String?) {
      self.name = name
      self.reason = reason
      self.detail = detail
    }
  }

  /// What goes: bases whose images are gone, then the least recently used first.
  public var evictions: [Eviction]
  /// What stays, by name.
  public var keeps: [Keep]
  /// Limits that stay exceeded when all evictions are done, since what exceeds them may not go.
  public var unmet: [CleanRule]

  /// Bytes that the evictions free.
  public var reclaimed: ByteCount { ByteCount(evictions.reduce(0) { $0 &+ ($1.isDeferred ? 0 : $1.allocated.bytes) }) }
}
