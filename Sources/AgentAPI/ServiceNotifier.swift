internal import Dispatch
internal import Foundation
internal import Glibc

/// Tells systemd how the daemon is (sd_notify(3)): one datagram to `NOTIFY_SOCKET`, nothing where there is none.
struct ServiceNotifier: Sendable {
  let address: String?
  /// How often systemd wants to hear of us; nil when it does not watch.
  let watchdog: Duration?

  init(environment: [String: String]) {
    address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
    watchdog = isOurs ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? .microseconds($0) : nil } : nil
  }

  func ready() { send("READY=1\nSTATUS=ready") }
  func stopping() { send("STOPPING=1\nSTATUS=finishing what runs") }
  func status(_ text: String) { send("STATUS=\(text)") }
  func alive() { send("WATCHDOG=1") }

  /// Type=notify-reload needs the moment, on the monotonic clock, at which reloading began.
  func reloading() {
    // Dispatch's uptime is the same clock. (A release build has no timespec without Dispatch's module.)
    send("RELOADING=1\nMONOTONIC_USEC=\(DispatchTime.now().uptimeNanoseconds / 1000)")
  }

  private func send(_ text: String) {
    guard let address else { return }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(address.utf8)
    // An abstract name begins with a NUL, which is written as '@'.
    if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
    guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else { return }
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let message = Array(text.utf8)
    _ = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, length)
      }
    }
  }
}
