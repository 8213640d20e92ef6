/// What libvirt tells without being asked. Not everything that changes is told (an external snapshot is not), and nothing while disconnected: an event
/// says that a look is due, its absence says little.
public enum LibvirtEvent: Sendable, Hashable {
  /// Whose event it is.
  public struct Subject: Sendable, Hashable {
    /// The name at the time.
    public let name: String
    /// Its UUID.
    public let uuid: String
  }

  /// What happened to a domain or a pool; the raw value is libvirt's.
  public struct Change: RawRepresentable, Sendable, Hashable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
  }

  /// Connected, for the first time or again: everything may have changed.
  case connected
  /// Events are lost from here on; the reason in words.
  case disconnected(String)
  /// A domain's life (Implements `VIR_DOMAIN_EVENT_ID_LIFECYCLE`): `virDomainEventType`, and what it says in detail.
  case domain(Subject, Change, detail: Int32)
  /// A block job on the disk with this target (`vda`) (Implements `VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2`): `virDomainBlockJobType`, and
  /// `virConnectDomainEventBlockJobStatus`. None comes when the domain ends in mid job.
  case blockJob(Subject, target: String, type: Int32, status: Int32)
  /// A device came to a running domain, by its alias.
  case deviceAdded(Subject, alias: String)
  /// A device left a running domain, by its alias.
  case deviceRemoved(Subject, alias: String)
  /// A storage pool's life (`virStoragePoolEventLifecycleType`).
  case pool(Subject, Change)
  /// A storage pool was refreshed.
  case poolRefreshed(Subject)
}

extension LibvirtEvent.Change {
  // Of domains.
  public static let defined = Self(rawValue: 0)
  public static let undefined = Self(rawValue: 1)
  public static let started = Self(rawValue: 2)
  public static let suspended = Self(rawValue: 3)
  public static let resumed = Self(rawValue: 4)
  public static let stopped = Self(rawValue: 5)
  public static let shutdown = Self(rawValue: 6)
  // Of pools, where 0 and 1 are as for domains.
  public static let poolStarted = Self(rawValue: 2)
  public static let poolStopped = Self(rawValue: 3)
}
