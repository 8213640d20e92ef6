/// One way that was considered, and what was found.
public struct Candidate: Sendable, Hashable, Codable {
  /// The location's URL, without credentials; nil for routes that start from the image service itself.
  public let url: String?
  /// The way.
  public let route: Route
  /// Whether it can be used.
  public let accepted: Bool
  /// Why, or why not.
  public let reason: Reason
  /// One sentence for people, naming the object.
  public let detail: String?

  /// A verdict on one candidate; `accepted` is exactly `reason == .ok`.
  public init(url: String?, route: Route, reason: Reason, detail: String? = nil) {
    self.url = url
    self.route = route
    self.accepted = reason == .ok
    self.reason = reason
    self.detail = detail
  }
}

/// Every candidate in order of preference, and the one chosen.
public struct Plan: Sendable, Hashable, Codable {
  /// What the disk is to be made on.
  public let target: Target
  /// The chosen candidate's index in `candidates`, nil when none can be used.
  public let chosen: Int?
  /// All candidates, most preferred first.
  public let candidates: [Candidate]

  /// A plan over `candidates`.
  public init(target: Target, chosen: Int?, candidates: [Candidate]) {
    self.target = target
    self.chosen = chosen
    self.candidates = candidates
  }

  /// The chosen route, nil when there is none.
  public var route: Route? { chosen.map { candidates[$0].route } }
}
