internal import CCurl
internal import Glibc
internal import Model
internal import Runtime

/// libcurl's multi handle and the one thread that drives it (`curl_multi_poll`, woken by `curl_multi_wakeup`).
final class Engine: @unchecked Sendable {
  // Sendable by proof: everything but `inbox`, `settings` and `ended` is touched by the thread of `run` only. `multi` is also used by
  // `post` for curl_multi_wakeup, which libcurl allows from any thread, and only under the lock that `closed` is set under.
  enum Command: Sendable {
    case start(Transfer)
    case resume(Transfer)
    /// There is more of the request's body, or its end.
    case feed(Transfer)
    case cancel(Transfer)
    case stop
  }
  private struct Inbox: Sendable {
    var commands: [Command] = []
    var closed = false
  }

  let settings: HTTPClient.Settings
  let ended = Handoff<Void>()
  private let inbox = Locked(Inbox())
  private let multi: UnsafeMutableRawPointer
  private var active: [ObjectIdentifier: Transfer] = [:]
  private var stopping = false

  /// Implements `CURLM *curl_multi_init(void)`. libcurl is set up by now.
  private init(settings: HTTPClient.Settings) throws(SlipwayError) {
    guard let multi = curl_multi_init() else { throw SlipwayError(.internalError, "libcurl has no handle left") }
    self.multi = multi
    self.settings = settings
    _ = slipway_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, settings.idleConnections)
  }

  /// An engine on a new thread, where libcurl is loaded too, which reads files. Throws `internal`.
  static func start(settings: HTTPClient.Settings) async throws -> Engine {
    let made = Handoff<Engine>()
    let isStarted = Thread.detach(name: "http") {
      let result: Result<Engine, any Error> = Result {
        try CurlStart.require()
        return try Engine(settings: settings)
      }
      made.fulfill(result)
      if case .success(let engine) = result { engine.run() }
    }
    // Without it every request would wait for ever.
    guard isStarted else { throw SlipwayError(.internalError, "the system gives no thread for HTTP") }
    return try await made.value()
  }

  /// Hands a command to the thread; false once it has ended.
  @discardableResult func post(_ command: Command) -> Bool {
    inbox.with { inbox in
      guard !inbox.closed else { return false }
      inbox.commands.append(command)
      _ = curl_multi_wakeup(multi)
      return true
    }
  }

  // MARK: The thread

  private func run() {
    blockBrokenPipes()
    while !stopping {
      for command in takeCommands() { obey(command) }
      var running: Int32 = 0
      _ = curl_multi_perform(multi, &running)
      reap()
      let wait = min(expire(), 60_000)
      wakeReaders()
      if stopping { break }
      var events: Int32 = 0
      if curl_multi_poll(multi, nil, 0, Int32(wait), &events) != CURLM_OK { usleep(10_000) }
    }
    let left = inbox.with { inbox -> [Command] in
      inbox.closed = true
      defer { inbox.commands = [] }
      return inbox.commands
    }
    for case .start(let transfer) in left { transfer.finish(closedError(transfer)) }
    for transfer in active.values { end(transfer, closedError(transfer)) }
    _ = curl_multi_cleanup(multi)
    ended.fulfill(.success(()))
  }

  private func takeCommands() -> [Command] {
    inbox.with { inbox in
      defer { inbox.commands = [] }
      return inbox.commands
    }
  }

  private func obey(_ command: Command) {
    switch command {
    case .start(let transfer):
      if let failure = prepare(transfer) {
        transfer.finish(failure)
        transfer.release()
      } else {
        active[ObjectIdentifier(transfer)] = transfer
      }
    case .resume(let transfer):
      guard active[ObjectIdentifier(transfer)] != nil, transfer.paused, let easy = transfer.easy else { return }
      transfer.paused = false
      restartWindow(transfer)
      // Delivers what libcurl held back from within, and may pause again.
      _ = curl_easy_pause(easy, transfer.starved ? CURLPAUSE_SEND : CURLPAUSE_CONT)
    case .feed(let transfer):
      guard active[ObjectIdentifier(transfer)] != nil, transfer.starved, let easy = transfer.easy else { return }
      transfer.starved = false
      restartWindow(transfer)
      _ = curl_easy_pause(easy, transfer.paused ? CURLPAUSE_RECV : CURLPAUSE_CONT)
    case .cancel(let transfer):
      guard active[ObjectIdentifier(transfer)] != nil else { return }
      end(transfer, HTTPError(.cancelled, url: transfer.request.url, "cancelled"))
    case .stop:
      stopping = true
    }
  }

  /// Takes the finished transfers out.
  private func reap() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = message.pointee.data.result
      guard let transfer = active.values.first(where: { $0.easy == easy }) else { continue }
      end(transfer, code == CURLE_OK ? nil : failure(of: transfer, code))
    }
  }

  private func end(_ transfer: Transfer, _ failure: HTTPError?) {
    active[ObjectIdentifier(transfer)] = nil
    if let easy = transfer.easy { _ = curl_multi_remove_handle(multi, easy) }
    transfer.release()
    transfer.finish(failure)
  }

  /// Ends what is past its deadline or stalled; answers the milliseconds until the next such moment.
  private func expire() -> Int64 {
    let now = ContinuousClock.now
    var next = Duration.seconds(60)
    for transfer in active.values {
      if let remaining = transfer.request.deadline.remaining {
        if remaining == .zero {
          end(transfer, HTTPError(.timeout, url: transfer.request.url, "the deadline passed"))
          continue
        }
        next = min(next, remaining)
      }
      // A paused transfer waits for its reader, and one without a connection for the connect timeout.
      guard !transfer.paused, !transfer.starved else { continue }
      let window = transfer.isSent && !transfer.headDone ? max(settings.stallTimeout, settings.answerTimeout) : settings.stallTimeout
      let left = window - (now - transfer.windowStart)
      if left > .zero {
        next = min(next, left)
      } else if transfer.windowBytes >= settings.stallBytes || !isConnected(transfer) {
        restartWindow(transfer)
        next = min(next, settings.stallTimeout)
      } else {
        let detail = "only \(transfer.windowBytes) bytes came in \(window)"
        end(transfer, HTTPError(.stalled, url: transfer.request.url, detail))
      }
    }
    let (seconds, attoseconds) = next.components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1
  }

  private func restartWindow(_ transfer: Transfer) {
    transfer.windowStart = ContinuousClock.now
    transfer.windowBytes = 0
  }

  /// Whether the request is on its way: name resolved, connected, TLS done.
  private func isConnected(_ transfer: Transfer) -> Bool {
    guard let easy = transfer.easy else { return false }
    var microseconds: curl_off_t = 0
    _ = slipway_getinfo_off(easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
    return microseconds > 0
  }

  private func wakeReaders() {
    for transfer in active.values where transfer.dirty {
      transfer.dirty = false
      transfer.pipe.flush()
    }
  }

  private func prepare(_ transfer: Transfer) -> HTTPError? {
    if let failure = EasySetup(transfer: transfer, settings: settings).apply() { return failure }
    restartWindow(transfer)
    transfer.request.upload?.onWake { [weak self, weak transfer] in
      if let self, let transfer { self.post(.feed(transfer)) }
    }
    guard let easy = transfer.easy, curl_multi_add_handle(multi, easy) == CURLM_OK else {
      return HTTPError(.invalidRequest, url: transfer.request.url, "libcurl did not take the request")
    }
    return nil
  }

  private func failure(of transfer: Transfer, _ code: CURLcode) -> HTTPError {
    if let refusal = transfer.refusal { return refusal }
    return HTTPError(code, words: transfer.words.map { String(cString: $0) } ?? "", for: transfer)
  }

  private func closedError(_ transfer: Transfer) -> HTTPError { HTTPError(.cancelled, url: transfer.request.url, "the client was closed") }

  /// A write to a connection that the peer closed must not end the process: OpenSSL writes without MSG_NOSIGNAL.
  private func blockBrokenPipes() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }
}
