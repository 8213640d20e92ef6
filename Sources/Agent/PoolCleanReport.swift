public import Cleaner
public import Model
public import PoolStore

/// What a cleaning did, or would do, with the bases in the pool and with deletions that were cut off.
public struct PoolCleanReport: Sendable {
  /// A base that went, or would go.
  public struct Evicted: Sendable {
    /// It, as it was.
    public let base: PoolBase
    /// The rule that chose it.
    public let rule: CleanRule
    /// Whether its space is free, or would be; else it lies in the trash until nothing stands on it.
    public let isFree: Bool
    /// What holds its space, one clause.
    public let detail: String?
  }

  /// A pool of bases after the cleaning.
  public struct Pool: Sendable {
    /// Its name.
    public let name: String
    /// The tier's name.
    public let tier: String
    /// How many bases are left.
    public let count: Int
    /// What they take.
    public let occupied: ByteCount
    /// What bases take that went and are not free yet.
    public let pending: ByteCount
    /// Limits that stay exceeded, since what exceeds them may not go or is not free yet.
    public let unmet: [CleanRule]
  }

  /// A base that stays.
  public struct Kept: Sendable {
    /// It.
    public let base: PoolBase
    /// Why.
    public let reason: KeepReason
    /// By whom, until when; one clause.
    public let detail: String?
  }

  /// A base that was to go, and an error kept it.
  public struct Failed: Sendable {
    /// It.
    public let base: PoolBase
    /// Why it is still there.
    public let error: SlipwayError
  }

  /// An image whose deletion was asked for and could not be finished then.
  public struct Deletion: Sendable {
    /// The pool's name.
    public let pool: String
    /// The RBD image's id, by which alone it is known.
    public let imageID: String
    /// The name that it had.
    public let name: String
    /// When it was asked for, seconds since 1970.
    public let asked: Int64
    /// Whether it is gone now.
    public var isRemoved: Bool
    /// What holds it, one sentence; nil for one that is gone, or in a dry run.
    public var detail: String?
  }

  /// An image that was uploaded, or was to be, and of which something is left to do.
  public struct Upload: Sendable {
    /// The image.
    public let image: ImageID
    /// The disk that it was made of: `pool/image`, or the directory of local disks.
    public let source: String
    /// What is left: `making`, `registering`, `flatten` or `linked`.
    public let stage: String
    /// When it began, seconds since 1970; nil where it is not noted.
    public let began: Int64?
    /// Whether nothing is left now.
    public var isDone: Bool
    /// What it waits for, one sentence; nil for one that is done, or in a dry run.
    public var detail: String?
  }

  /// The pool of the bases that no tier takes, or the first tier's; nil where there is none.
  public var pool: String?
  /// Each tier, in their order.
  public var pools: [Pool] = []
  /// In the order in which they went.
  public var evicted: [Evicted] = []
  /// By name.
  public var kept: [Kept] = []
  /// By name.
  public var failed: [Failed] = []
  /// Limits that stay exceeded, since what exceeds them may not go.
  public var unmet: [CleanRule] {
    let all = Set(pools.flatMap(\.unmet))
    return CleanRule.allCases.filter { all.contains($0) }
  }
  /// Deletions that were taken up again.
  public var deletions: [Deletion] = []
  /// Uploads that were taken up again.
  public var uploads: [Upload] = []
  /// Why the pool could not be looked into.
  public var unavailable: SlipwayError?

  /// Bytes that came free, or would.
  public var reclaimed: ByteCount { ByteCount(evicted.reduce(0) { $0 + ($1.isFree ? $1.base.allocated.bytes : 0) }) }

  /// Nothing looked at.
  public init() {}
}
