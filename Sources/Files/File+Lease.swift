internal import CLinux
internal import Glibc
public import Model

/// What the kernel answered to a wish for a write lease.
public enum LeaseAttempt: Sendable, Hashable {
  /// Nobody else has the file open; whoever opens it breaks the lease and waits (up to `/proc/sys/fs/lease-break-time`).
  case granted
  /// Somebody has it open, in whatever process.
  case inUse
  /// The file is another user's and we lack CAP_LEASE.
  case denied
  /// The file system has no leases.
  case unsupported
}

extension File {
  /// Asks for a write lease, which the kernel gives to the only one who has the file open. The file must be open for reading. It ends with the
  /// file's last descriptor. SIGIO, which a break sends, is ignored from then on. Implements `int fcntl(…, F_SETLEASE, F_WRLCK)`.
  public func takeWriteLease() throws(SlipwayError) -> LeaseAttempt {
    try descriptor.with { number throws(SlipwayError) in
      while slipway_set_lease(number, Int32(F_WRLCK)) != 0 {
        switch errno {
        case EINTR: continue
        case EAGAIN: return .inUse
        case EACCES, EPERM: return .denied
        case EINVAL, EOPNOTSUPP, ENOSYS, ENOLCK: return .unsupported
        default: throw Attempt(verb: "take a lease on", path: path).failure(errno)
        }
      }
      return .granted
    }
  }

  /// Whether the lease still stands: false from the moment at which somebody else opens the file, though he still waits. Implements
  /// `int fcntl(…, F_GETLEASE)`.
  public func holdsWriteLease() throws(SlipwayError) -> Bool {
    try descriptor.with { number throws(SlipwayError) in
      try checked(Attempt(verb: "ask for the lease on", path: path)) { slipway_get_lease(number) } == Int32(F_WRLCK)
    }
  }

  /// Gives the lease back; who waits in open(2) goes on. Without one nothing happens.
  public func dropLease() throws(SlipwayError) {
    try descriptor.with { number throws(SlipwayError) in _ = slipway_set_lease(number, Int32(F_UNLCK)) }
  }

  /// Whether the file is immutable (`FS_IMMUTABLE_FL`); false where the file system has no such flag.
  public func isImmutable() throws(SlipwayError) -> Bool {
    try descriptor.with { number in slipway_get_immutable(number) == 1 }
  }

  /// Makes the file immutable or not; false where the file system has no such flag. Throws `permission_denied` without CAP_LINUX_IMMUTABLE.
  /// Implements `int ioctl(…, FS_IOC_SETFLAGS, …)`.
  @discardableResult
  public func setImmutable(_ on: Bool) throws(SlipwayError) -> Bool {
    try descriptor.with { number throws(SlipwayError) in
      while slipway_set_immutable(number, on) != 0 {
        switch errno {
        case EINTR: continue
        case EOPNOTSUPP, ENOTTY, ENOSYS, EINVAL: return false
        default: throw Attempt(verb: on ? "make immutable" : "make changeable", path: path).failure(errno)
        }
      }
      return true
    }
  }

  /// Lets reads and writes go past the page cache (O_DIRECT: offsets, lengths and memory in multiples of 4096), or through it again; false where
  /// the file system has no direct reads.
  public func setDirect(_ on: Bool) throws(SlipwayError) -> Bool {
    try descriptor.with { number in slipway_set_direct(number, on) == 0 }
  }
}
