public import Model

/// A failure of the API, `application/problem+json` (RFC 9457), with the words of `error` in the documents of the command line.
public struct ProblemDocument: Codable, Sendable, Hashable {
  /// `urn:slipway:error:CODE`.
  public var type: String
  /// The code in words.
  public var title: String
  /// The HTTP status, once more.
  public var status: Int
  /// One sentence.
  public var detail: String
  /// The id of the request, as in log lines.
  public var instance: String
  /// A code of the closed set.
  public var code: String
  /// What it is about.
  @Nullable public var object: String?
  /// What to do.
  @Nullable public var hint: String?
  /// `here`, `elsewhere` or `never`.
  public var retry: String

  /// The problem of an error; `status` where HTTP has a better one than the code's own.
  public init(_ error: SlipwayError, status: Int? = nil, request: String) {
    type = "urn:slipway:error:\(error.code.rawValue)"
    title = error.code.rawValue.split(separator: "_").joined(separator: " ")
    self.status = status ?? error.code.httpStatus
    detail = error.message
    instance = request
    code = error.code.rawValue
    object = error.object
    hint = error.hint
    retry = error.code.retry.rawValue
  }

  /// The error that it tells; a code that this version does not know is `internal`.
  public var error: SlipwayError {
    SlipwayError(ErrorCode(rawValue: code) ?? .internalError, detail, object: object, hint: hint)
  }
}

extension ErrorDocument.Body {
  /// The error that it tells; a code that this version does not know is `internal`.
  public var slipwayError: SlipwayError {
    SlipwayError(ErrorCode(rawValue: code) ?? .internalError, message, object: object, hint: hint)
  }
}

/// What `GET /v1/agent` answers: who listens, and by which configuration.
public struct AgentDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The program with its version.
  public var program: String
  /// A mark of all settings that decide about answers: the same mark, the same answers.
  public var configuration: String
  /// The store's directory.
  public var store: String
  /// `ready` or `draining`.
  public var state: String
  /// Operations that run or wait.
  public var operations: Int

  /// The document.
  public init(configuration: String, store: String, state: String, operations: Int) {
    program = ProgramVersion.program
    self.configuration = configuration
    self.store = store
    self.state = state
    self.operations = operations
  }
}

/// What `/readyz` answers.
public struct ReadinessDocument: Codable, Sendable, Hashable {
  /// One part.
  public struct Part: Codable, Sendable, Hashable {
    /// `store`, `ceph NAME`, `images`, `libvirt` or `agent`.
    public var name: String
    /// Whether it can be used.
    public var ready: Bool
    /// Why not.
    @Nullable public var detail: String?

    /// A part.
    public init(name: String, ready: Bool, detail: String? = nil) {
      self.name = name
      self.ready = ready
      self.detail = detail
    }
  }
  /// Version of the documents.
  public var version = 1
  /// Whether all parts are.
  public var ready: Bool
  /// The parts.
  public var parts: [Part]

  /// The document.
  public init(parts: [Part]) {
    self.parts = parts
    ready = parts.allSatisfy(\.ready)
  }
}
