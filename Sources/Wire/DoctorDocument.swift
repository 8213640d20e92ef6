/// What `slipway doctor --json` prints.
public struct DoctorDocument: Codable, Sendable, Hashable {
  /// One dependency that was tried.
  public struct Check: Codable, Sendable, Hashable {
    /// What was tried.
    public var name: String
    /// `ok`, `warning` or `failed`.
    public var status: String
    /// What was found.
    public var detail: String
    /// What to do about it.
    @Nullable public var hint: String?

    /// A check's outcome.
    public init(name: String, status: String, detail: String, hint: String?) {
      self.name = name
      self.status = status
      self.detail = detail
      self.hint = hint
    }
  }

  /// Version of the documents.
  public var version = 1
  /// Whether nothing failed (warnings are allowed).
  public var healthy: Bool
  /// All checks, in order.
  public var checks: [Check]

  /// The document for a list of checks.
  public init(checks: [Check]) {
    self.checks = checks
    healthy = checks.allSatisfy { $0.status != "failed" }
  }
}
