internal import CLinux
internal import Glibc
public import Model

extension File {
  /// Whether any other open file description, of this process or another, holds a lock on any part of the file (QEMU locks its images while
  /// it runs). Implements `fcntl(…, F_OFD_GETLK)`.
  public func isLockedElsewhere() throws(SlipwayError) -> Bool {
    try descriptor.with { number throws(SlipwayError) in
      let answer = slipway_ofd_is_locked(number)
      if answer < 0 { throw Attempt(verb: "ask for locks on", path: path).failure(errno) }
      return answer > 0
    }
  }
}
