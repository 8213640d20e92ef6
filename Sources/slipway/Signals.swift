internal import Glibc
internal import Runtime

/// Ctrl-C and SIGTERM cancel the running verb, which then ends orderly with 130; a second one ends the process where it stands.
enum Signals {
  private static let handler = Locked<(@Sendable () -> Void)?>(nil)
  private static let seen = Locked(0)

  /// Blocks the signals in this thread, and so in all that it starts, and waits for them on a thread of its own. Call it before any other thread.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGIO, SIG_IGN)
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGHUP)
    pthread_sigmask(SIG_BLOCK, &set, nil)
    Thread.detach(name: "signals") {
      var set = sigset_t()
      sigemptyset(&set)
      sigaddset(&set, SIGINT)
      sigaddset(&set, SIGTERM)
      sigaddset(&set, SIGHUP)
      while true {
        var number: Int32 = 0
        guard sigwait(&set, &number) == 0 else { continue }
        let count = seen.with { seen -> Int in
          seen += 1
          return seen
        }
        if count > 1 { _exit(130) }
        let cancel = handler.with { $0 }
        if let cancel { cancel() } else { _exit(130) }
      }
    }
  }

  /// What a signal cancels from now on.
  static func onSignal(_ cancel: @escaping @Sendable () -> Void) {
    handler.with { $0 = cancel }
    // One that came before we were ready.
    if seen.with({ $0 }) > 0 { cancel() }
  }
}
