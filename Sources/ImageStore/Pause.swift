internal import Glibc

/// A short sleep of an owned thread.
enum Pause {
  static func milliseconds(_ count: Int) { usleep(UInt32(count) * 1000) }
}
