/// How libvirt is reached.
public struct LibvirtOptions: Sendable, Hashable {
  /// The URI, as virsh takes it: `qemu:///system`, `test:///default`.
  public var uri: String
  /// Bound on connecting and on every call that says no other. Storage drivers of libvirt wait up to 30 s for a cluster that is gone.
  public var timeout: Duration
  /// Time between two questions whether the other side still lives, in whole seconds; 0 asks none.
  public var keepAlive: Duration
  /// How many of those may go unanswered.
  public var keepAliveCount: UInt32
  /// The wait before connecting again after a failure: it starts here, doubles with each failure, and ends at `longestBackoff`.
  public var firstBackoff: Duration
  /// The longest such wait.
  public var longestBackoff: Duration

  /// Options for `uri`.
  public init(
    uri: String, timeout: Duration = .seconds(15), keepAlive: Duration = .seconds(5), keepAliveCount: UInt32 = 3,
    firstBackoff: Duration = .milliseconds(200), longestBackoff: Duration = .seconds(30)
  ) {
    self.uri = uri
    self.timeout = timeout
    self.keepAlive = keepAlive
    self.keepAliveCount = keepAliveCount
    self.firstBackoff = firstBackoff
    self.longestBackoff = longestBackoff
  }

  /// The wait after `failures` failures in a row.
  func backoff(after failures: Int) -> Duration {
    guard failures > 0 else { return .zero }
    return min(longestBackoff, firstBackoff * (1 << min(failures - 1, 20)))
  }
}
