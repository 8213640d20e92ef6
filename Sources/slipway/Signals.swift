internal import CLinux
internal import Glibc
internal import Model
internal import Runtime

/// Ctrl-C and SIGTERM cancel the running verb, which then ends orderly with 130; a second one ends the process where it stands.
enum Signals {
  private static let handler = Locked<(@Sendable () -> Void)?>(nil)
  private static let reloading = Locked<(@Sendable () -> Void)?>(nil)
  private static let seen = Locked(0)

  /// Catches the signals and hands them to a thread of their own. Call it before any other thread starts, so that those have them blocked.
  static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGIO, SIG_IGN)
    let pipe = slipway_catch_signals()
    guard pipe >= 0 else { return }
    mask(SIG_BLOCK)
    Thread.detach(name: "signals") {
      // Here they are taken until the main thread waits for them.
      mask(SIG_UNBLOCK)
      while true {
        var number: UInt8 = 0
        let count = read(pipe, &number, 1)
        if count < 0, errno == EINTR { continue }
        guard count == 1 else { return }
        if number == UInt8(SIGHUP), let reload = reloading.with({ $0 }) {
          reload()
        } else {
          arrived()
        }
      }
    }
  }

  private static func arrived() {
    let count = seen.with { seen -> Int in
      seen += 1
      return seen
    }
    if count > 1 { _exit(130) }
    let cancel = handler.with { $0 }
    if let cancel { return cancel() }
    // Nothing has begun.
    Output.report(SlipwayError(.cancelled, "cancelled"), json: CommandLine.arguments.contains("--json"))
    _exit(130)
  }

  private static func mask(_ how: Int32) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
    pthread_sigmask(how, &set, nil)
  }

  /// What SIGHUP does from now on, which ends nothing then.
  static func onReload(_ reload: @escaping @Sendable () -> Void) { reloading.with { $0 = reload } }

  /// What a signal cancels from now on.
  static func onSignal(_ cancel: @escaping @Sendable () -> Void) {
    handler.with { $0 = cancel }
    // One that came before we were ready.
    if seen.with({ $0 }) > 0 { cancel() }
  }
}
