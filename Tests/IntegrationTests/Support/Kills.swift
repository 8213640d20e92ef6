import Foundation
import Testing

/// Where the next SIGKILL falls: within the time between the starts that had left nothing and those that had left all.
///
/// A run takes another time whenever others work on the machine, so a share of one measured run would say little about the next.
struct KillAim {
  /// What a run left that was killed.
  enum Left: Sendable {
    case nothing, half, whole
  }
  private var early = 0.0
  private var late: Double
  private var last = Left.half
  private var repeated = 0
  private var random: SplitMix

  /// `whole`: the seconds of one run.
  init(whole: Double, seed: UInt64) {
    late = whole
    random = SplitMix(state: seed)
  }

  /// Seconds from the start.
  mutating func next() -> Double { Double.random(in: early...max(early, late), using: &random) }

  /// Closes in on what lies between, and opens again where the machine may have become slower or faster, more so the longer one thing repeats.
  mutating func learn(_ moment: Double, _ left: Left) {
    repeated = left == last ? repeated + 1 : 1
    last = left
    switch left {
    case .nothing: early = moment
    case .half: repeated = 1
    case .whole: late = moment
    }
    let give = max(late - early, late * 0.02) / 16 * Double(1 << min(max(0, repeated - 2), 20))
    if left != .nothing { early = max(0, early - give) }
    if left != .whole { late += give }
  }
}

/// Runs `words` so often, each time killed at another moment, and looks at what each left, several at once.
///
/// Round 0 is a whole run, round 1 is killed at once; the others aim at the work. What the moments hit is nothing to assert, but that there were kills.
func kills(
  _ rounds: Int, seed: UInt64, of host: Host, atOnce: Int = 1, _ words: (Int) -> [String],
  look: @escaping @Sendable (Int) async throws -> KillAim.Left
) async throws {
  let whole = try await host.start(words(0)).wait()
  try whole.succeeded()
  #expect(try await look(0) == .whole)
  var aim = KillAim(whole: whole.seconds, seed: seed)
  var killed = 0
  for first in stride(from: 1, through: rounds, by: atOnce) {
    let chunk = first..<min(first + atOnce, rounds + 1)
    var moments: [Int: Double] = [:]
    for round in chunk {
      let moment = round == 1 ? 0 : aim.next()
      let program = try host.start(words(round))
      // A first measure that was much too long must not cost its time again and again.
      let end = ContinuousClock.now + .seconds(moment)
      while ContinuousClock.now < end, !program.hasEnded {
        try await Task.sleep(for: min(.milliseconds(20), max(.zero, end - ContinuousClock.now)))
      }
      if !program.hasEnded { kill(program.pid, SIGKILL) }
      let ending = try await program.wait()
      if ending.status == -1 {
        killed += 1
        moments[round] = moment
      } else {
        try ending.succeeded()
        aim.learn(min(moment, ending.seconds), .whole)
      }
    }
    try await withThrowingTaskGroup(of: (Int, KillAim.Left).self) { group in
      for round in chunk { group.addTask { (round, try await look(round)) } }
      for try await (round, left) in group {
        if round > 1, let moment = moments[round] { aim.learn(moment, left) }
      }
    }
  }
  #expect(killed > 0, "no run was killed")
}
