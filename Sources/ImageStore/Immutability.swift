internal import Files
internal import Model

/// Whether published bases get the immutable flag of their file system (`FS_IMMUTABLE_FL`).
///
/// libvirt gives every file of a machine to its QEMU user when the machine starts, and a base that others share never back: an escaped QEMU could
/// then change it. An immutable file it has to leave as it is.
public enum Immutability: Sendable, Hashable {
  /// Never.
  case off
  /// Where the file system has the flag and this process may set it.
  case on

  /// What `auto` means on this host: on, unless SELinux is there, whose labels libvirt could not set on an immutable file. `selinux` is there where
  /// the kernel's interface is mounted.
  public static func automatic(selinux: String = "/sys/fs/selinux/enforce") -> Immutability {
    ((try? FileStatus.of(selinux)) ?? nil) == nil ? .on : .off
  }
}
