public import Model

/// Decides by which route an image comes to its target: a value without I/O.
///
/// `next()` says what to ask or what was decided; `record` tells an answer. All checks that need no answer come first, so that nothing is
/// asked about a candidate that its description already rules out. A driver that asks one thing at a time loops over `next()`; one that asks
/// in parallel calls it until it says `.wait`.
public struct RoutePlanner: Sendable {
  /// What to do now.
  public enum Action: Sendable, Hashable {
    /// Answer this, and `record` the answer. Each question comes once.
    case probe(ProbeRequest)
    /// Nothing before one of the questions already handed out is answered.
    case wait
    /// All that can be decided is; see `choice` for what to act on.
    case decided(Plan)
  }

  /// What is planned.
  public let request: PlanRequest
  private let drafts: [Draft]
  private var asked: Set<ProbeRequest> = []
  private var answers: [ProbeRequest: ProbeResult] = [:]
  /// Candidates that were chosen and failed in use.
  private var failures: [Int: Verdict] = [:]

  /// A planner for one request.
  public init(_ request: PlanRequest) {
    self.request = request
    self.drafts = Draft.list(request)
  }

  /// What to do now.
  public mutating func next() -> Action {
    var waiting = false
    loop: for verdict in verdicts() {
      switch verdict {
      case .refused: continue
      case .accepted:
        if request.mode == .spawn { break loop }
      case .waits: waiting = true
      case .needs(let probe):
        if asked.insert(probe).inserted { return .probe(probe) }
        waiting = true
        if request.mode == .spawn { return .wait }
      }
    }
    return waiting ? .wait : .decided(plan)
  }

  /// Tells the answer to a question. The first answer counts; one that was never asked for is kept for when it is.
  public mutating func record(_ result: ProbeResult, for probe: ProbeRequest) {
    asked.insert(probe)
    if answers[probe] == nil { answers[probe] = result }
  }

  /// The deadline passed: every question that is or would be open is answered with `timeout`.
  public mutating func expire() {
    while true {
      let open = verdicts().compactMap { verdict -> ProbeRequest? in if case .needs(let probe) = verdict { probe } else { nil } }
      guard !open.isEmpty else { return }
      for probe in open { record(.refused(.timeout, "it was not answered before the deadline"), for: probe) }
    }
  }

  /// The chosen candidate failed in use (it could not be read, or its bytes are wrong): it counts as refused, and `next()` goes on after it.
  public mutating func fail(_ choice: Choice, _ reason: Reason, _ detail: String) {
    failures[choice.index] = .refused(reason == .ok ? .sourceUnreachable : reason, detail)
  }

  /// The plan as far as it is known; complete once `next()` has said so.
  public var plan: Plan {
    var candidates: [Candidate] = []
    var chosen: Int?
    for (index, verdict) in verdicts().enumerated() {
      let stopped = request.mode == .spawn && chosen != nil
      let (reason, detail): (Reason, String?) =
        switch verdict {
        case _ where stopped: (.notTried, nil)
        case .accepted: (.ok, conversion)
        case .refused(let reason, let detail): (reason, detail)
        case .needs, .waits: (.notTried, nil)
        }
      candidates.append(Candidate(url: drafts[index].location?.description, route: drafts[index].route, reason: reason, detail: detail))
      if reason == .ok, chosen == nil { chosen = index }
    }
    return Plan(target: request.target, chosen: chosen, candidates: candidates)
  }

  /// What is to be done with bytes that we do not read ourselves, for people; nil for others. A clone never is of such.
  private var conversion: String? {
    request.image.converted.map { "convert: qemu-img makes raw bytes of the verified \($0.rawValue)" }
  }

  /// The candidate to act on: the first that can be used, nil when there is none.
  public var choice: Choice? {
    for (index, verdict) in verdicts().enumerated() {
      guard case .accepted(let finding) = verdict else { continue }
      let draft = drafts[index]
      return Choice(
        index: index, route: draft.route, location: draft.location, cluster: finding.cluster, rbd: finding.rbd, path: finding.path,
        root: finding.root, facts: finding.facts, volume: finding.volume)
    }
    return nil
  }

  /// How every candidate stands, last resorts after the direct ones that they depend on.
  private func verdicts() -> [Verdict] {
    let checks = Checks(request: request, answers: answers)
    var verdicts: [Verdict] = []
    for (index, draft) in drafts.enumerated() {
      verdicts.append(failures[index] ?? checks.judge(draft, after: verdicts))
    }
    return verdicts
  }
}
