import Model

/// How one candidate stands.
enum Verdict: Hashable {
  case accepted(Finding)
  case refused(Reason, String)
  /// A question must be answered first.
  case needs(ProbeRequest)
  /// A last resort that must wait for what the direct ways say.
  case waits
}

/// What is known of a candidate that can be used.
struct Finding: Hashable {
  var cluster: String?
  var rbd: RBDLocation?
  var path: String?
  var root: String?
  var volume: VolumeImage?
  var facts: ProbeFacts?
}

/// Why a check ends before its last line.
enum Stop: Error {
  case refused(Reason, String)
  case needs(ProbeRequest)

  var verdict: Verdict {
    switch self {
    case .refused(let reason, let detail): .refused(reason, detail)
    case .needs(let probe): .needs(probe)
    }
  }
}
