public import Model

/// What became of a wish to take a base out of the store: one closed set. In every case but the first two the base is where it was.
public enum EvictionOutcome: Sendable, Hashable {
  /// It is gone; the bytes that it had allocated (0 when its file has another name elsewhere).
  case evicted(ByteCount)
  /// It lies in `quarantine`, at this path.
  case quarantined(String)
  /// An operator's pin holds.
  case pinned
  /// A lease holds.
  case leased
  /// Somebody has the file open, or opened it meanwhile.
  case inUse
  /// We may not take a lease (CAP_LEASE) or change the file (CAP_LINUX_IMMUTABLE), so nothing proves that nobody uses it.
  case denied
  /// The file system has no leases, so nothing proves that nobody uses it.
  case leaseUnsupported
  /// The store lies on a shared file system, and the configuration does not say that this host owns it.
  case sharedFileSystem
  /// There is no such base any more.
  case vanished
  /// Something under the name is not ours to remove: no regular file, or a newer Slipway's.
  case foreign

  /// Whether the base is out of the store's sight now, by us.
  public var isGone: Bool {
    switch self {
    case .evicted, .quarantined: true
    default: false
    }
  }

  /// A word for metrics and JSON.
  public var word: String {
    switch self {
    case .evicted: "evicted"
    case .quarantined: "quarantined"
    case .pinned: "pinned"
    case .leased: "leased"
    case .inUse: "in_use"
    case .denied: "denied"
    case .leaseUnsupported: "lease_unsupported"
    case .sharedFileSystem: "shared_file_system"
    case .vanished: "vanished"
    case .foreign: "foreign"
    }
  }

  /// One sentence about the base called `name`.
  public func sentence(_ name: String) -> String {
    switch self {
    case .evicted(let bytes): "\(name) was removed, \(bytes) came free"
    case .quarantined(let path): "\(name) was moved to \(path)"
    case .pinned: "\(name) is pinned"
    case .leased: "\(name) is leased by work under way"
    case .inUse: "\(name) is open in some process"
    case .denied: "\(name) cannot be leased or changed by this user, so nothing proves that it is unused"
    case .leaseUnsupported: "\(name) lies on a file system without leases, so nothing proves that it is unused"
    case .sharedFileSystem: "\(name) lies on a shared file system, and the configuration does not say that this host owns it"
    case .vanished: "\(name) is gone already"
    case .foreign: "\(name) is no base of ours"
    }
  }
}
