public import Model

/// `{"version":1,"error":{…}}`: how every verb reports a failure with `--json`, and the API's problem body.
public struct ErrorDocument: Codable, Sendable, Hashable {
  /// The failure.
  public struct Body: Codable, Sendable, Hashable {
    /// A code of the closed set.
    public var code: String
    /// One sentence.
    public var message: String
    /// What it is about.
    @Nullable public var object: String?
    /// What to do.
    @Nullable public var hint: String?
    /// `here`, `elsewhere` or `never`.
    public var retry: String
  }

  /// Version of the documents.
  public var version = 1
  /// The failure.
  public var error: Body

  /// The document for an error.
  public init(_ error: SlipwayError) {
    self.error = Body(
      code: error.code.rawValue, message: error.message, object: error.object, hint: error.hint, retry: error.code.retry.rawValue)
  }
}
