internal import CLibvirt
internal import Glibc
internal import Runtime

/// libvirt's event loop: one a process, on a thread of our own, started before the first connection is opened. It serves keepalive, events and
/// the notice that a connection is gone.
enum EventLoop {
  /// Starts it at the first use (Implements `virInitialize`, `virEventRegisterDefaultImpl`, `virEventRunDefaultImpl`); whether it runs.
  static let isRunning: Bool = {
    // By default libvirt writes every error to stderr, which is ours.
    virSetErrorFunc(nil) { _, _ in }
    guard virInitialize() == 0, virEventRegisterDefaultImpl() == 0 else { return false }
    return Thread.detach(name: "libvirt-events") {
      while true {
        // It fails only where poll(2) does; then at least not in a tight loop.
        if virEventRunDefaultImpl() < 0 { usleep(100_000) }
      }
    }
  }()
}
