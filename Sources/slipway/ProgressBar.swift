internal import Glibc
internal import Model
internal import Runtime

/// One line on a terminal: phase, bar, absolute bytes, rate.
final class ProgressBar: Sendable {
  private struct State: Sendable {
    var phase: Progress.Phase?
    var start = ContinuousClock.now
    var drawn = ContinuousClock.now - .seconds(1)
    var from: Int64 = 0
    var shown = false
  }
  private let state = Locked(State())

  /// Draws, ten times a second at most, and at each new phase.
  func show(_ progress: Progress) {
    let now = ContinuousClock.now
    let line = state.with { state -> String? in
      if state.phase != progress.phase {
        state.phase = progress.phase
        state.start = now
        state.from = progress.position
      } else if now - state.drawn < .milliseconds(100) {
        return nil
      }
      state.drawn = now
      state.shown = true
      return Self.text(progress, since: now - state.start, from: state.from)
    }
    if let line { Output.write("\r\u{1B}[K" + line, to: STDERR_FILENO) }
  }

  /// Takes the line away.
  func clear() {
    let shown = state.with { state -> Bool in
      let shown = state.shown
      state.shown = false
      return shown
    }
    if shown { Output.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }

  /// `transferring [=====>    ] 1.2 GiB of 4 GiB, 310 MiB/s`.
  static func text(_ progress: Progress, since elapsed: Duration, from: Int64) -> String {
    guard progress.position > 0 || progress.total != nil else { return "\(progress.phase.rawValue)…" }
    var text = progress.phase.rawValue
    if let total = progress.total, total > 0 {
      let width = 24
      let done = Int(Double(width) * min(1, Double(progress.position) / Double(total)))
      text +=
        " [" + String(repeating: "=", count: done) + (done < width ? ">" : "") + String(repeating: " ", count: max(0, width - done - 1))
        + "]"
    }
    text += " \(ByteCount(progress.position))"
    if let total = progress.total { text += " of \(ByteCount(total))" }
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    if seconds > 0.2, progress.position > from { text += ", \(ByteCount(Int64(Double(progress.position - from) / seconds)))/s" }
    return text
  }
}
