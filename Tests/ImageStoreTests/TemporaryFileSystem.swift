import Files
import Foundation

/// A small tmpfs, for tests that run as root.
struct TemporaryFileSystem {
  let path: String

  /// Mounts one over `path`, which is there.
  init(at path: String, kilobytes: Int) throws {
    self.path = path
    guard mount("none", path, "tmpfs", 0, "size=\(kilobytes)k,mode=755") == 0 else { throw SystemError(errno) }
  }

  /// MS_REMOUNT | MS_RDONLY.
  func makeReadOnly() throws { guard mount("none", path, "tmpfs", 32 | 1, nil) == 0 else { throw SystemError(errno) } }

  /// MNT_DETACH: whatever is still open goes with its last descriptor.
  func unmount() { _ = umount2(path, 2) }
}
