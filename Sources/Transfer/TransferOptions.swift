public import Model
public import Runtime

/// How a transfer is cut and how patient it is. The defaults fit RBD and files.
public struct TransferOptions: Sendable {
  /// Bytes per read, at most; reads start at its multiples. Made a multiple of the sink's granularity, and no more than the budget.
  public var chunk = 1 << 20
  /// Bytes of one object of the source (RBD: 4 MiB as a rule), if it has such: no read straddles two. A multiple of the granularity, else ignored.
  public var objectSize: Int64?
  /// Reads in flight, at most, for this transfer.
  public var maximumReads = 16
  /// Pieces of at most `chunk` bytes that this transfer holds at once, read or being read, whatever the budget would allow.
  public var maximumPieces = 20
  /// How often a range is read again after a failure that may pass (`sourceFailed`, `timeout`, `clusterUnreachable`).
  public var retries = 3
  /// The pause before the first repetition; it doubles each time.
  public var backoff: Duration = .milliseconds(50)
  /// Bytes of the image whose extents are asked at once; the first two slices are smaller, so that reading starts early.
  public var slice: Int64 = 4 << 30
  /// How long a transfer that has failed waits for reads still in flight before it leaves them to end by themselves.
  public var grace: Duration = .seconds(10)
  /// A limit on bytes per second, shared by whoever has it too; nil for none.
  public var rate: RateLimit?
  /// The phase that progress is reported under.
  public var phase: Progress.Phase = .transferring
  /// Progress is reported no more often than this, and once at the end.
  public var progressInterval: Duration = .milliseconds(100)

  /// The defaults.
  public init() {}
}
