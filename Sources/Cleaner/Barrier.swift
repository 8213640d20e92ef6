/// Why nothing may be evicted on this host now.
public struct Barrier: Sendable, Hashable {
  /// The closed set of reasons.
  public enum Reason: String, Sendable, Hashable, CaseIterable, Codable {
    /// The store lies on a file system that other hosts share, and the configuration does not say that it is this host's.
    case sharedFileSystem = "shared_file_system"
    /// libvirt, which knows who uses what, does not answer.
    case libvirtUnreachable = "libvirt_unreachable"
    /// The search for disks did not come to its end.
    case scanIncomplete = "scan_incomplete"
    /// The file system has no leases, the last guard against an opener.
    case noLeases = "no_leases"
    /// An operator stopped cleaning on this host.
    case maintenance
  }

  /// Which of them.
  public var reason: Reason
  /// One sentence, without a final full stop.
  public var detail: String

  /// A barrier.
  public init(_ reason: Reason, _ detail: String) {
    self.reason = reason
    self.detail = detail
  }
}
