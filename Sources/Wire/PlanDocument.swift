public import Model

/// What `slipway plan --json` prints.
public struct PlanDocument: Codable, Sendable, Hashable {
  /// One candidate.
  public struct Entry: Codable, Sendable, Hashable {
    /// The location without credentials, null for the image service itself.
    @Nullable public var url: String?
    /// The way.
    public var route: String
    /// Whether it can be used.
    public var accepted: Bool
    /// Why, or why not.
    public var reason: String
    /// A sentence for people.
    @Nullable public var detail: String?
  }

  /// Version of the documents.
  public var version = 1
  /// The image's id, or the location that was typed.
  public var image: String
  /// `rbd`, `qcow2` or `raw`.
  public var target: String
  /// The chosen way, null when there is none.
  @Nullable public var route: String?
  /// Whether a base in the store serves the request as it is, so that nothing would be moved.
  public var cached: Bool
  /// The format that `qemu-img` converts from once the bytes are verified; null when they are read as they are.
  @Nullable public var convert: String?
  /// What policy demands; null for a base that serves although its image cannot be asked.
  @Nullable public var policy: PolicyDocument?
  /// The error that a request would end with, null when there is a way.
  @Nullable public var error: ErrorDocument.Body?
  /// All candidates, most preferred first.
  public var candidates: [Entry]

  /// The document for a plan.
  public init(
    image: String, plan: Plan, cached: Bool, policy: PolicyDocument? = nil, error: SlipwayError? = nil, convert: String? = nil
  ) {
    self.convert = convert
    self.image = image
    self.cached = cached
    self.policy = policy
    self.error = error.map { ErrorDocument($0).error }
    target = plan.target.rawValue
    route = plan.route?.rawValue
    candidates = plan.candidates.map {
      Entry(url: $0.url, route: $0.route.rawValue, accepted: $0.accepted, reason: $0.reason.rawValue, detail: $0.detail)
    }
  }
}
