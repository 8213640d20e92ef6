/// What an operation brought, told by the operation's kind.
public enum OperationResult: Sendable, Hashable {
  case disk(DiskDocument)
  case fetch(FetchDocument)
  case prewarm(PrewarmDocument)
  case change(DiskChangeDocument)
  case deletion(DeletionDocument)
}

/// What is under way in the daemon, or was: `GET /v1/operations/ID`, and the data of its events.
public struct OperationDocument: Codable, Sendable, Hashable {
  /// What an operation does.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    case diskCreate = "disk_create"
    case diskDelete = "disk_delete"
    case diskResize = "disk_resize"
    case diskFlatten = "disk_flatten"
    case fetch, prewarm
  }
  /// How far an operation is.
  public enum State: String, Codable, Sendable, CaseIterable {
    case queued, running, done, failed, cancelled
    /// Whether nothing more will come.
    public var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
  }

  /// Version of the documents.
  public var version = 1
  /// Its id.
  public var id: String
  /// What it does.
  public var kind: Kind
  /// The disk or image it is about.
  public var object: String
  /// How far it is.
  public var state: State
  /// The phase, null before it runs.
  @Nullable public var phase: String?
  /// Bytes of the image that are behind it, holes included.
  public var position: Int64
  /// The image's size in bytes, null while unknown.
  @Nullable public var total: Int64?
  /// Bytes a second since it ran.
  public var rate: Int64
  /// The request's id, as in log lines.
  public var request: String
  /// When it was asked for, RFC 3339.
  public var created: String
  /// When it ended; null before.
  @Nullable public var finished: String?
  /// What it brought: the document of its kind; null before, and where it failed.
  public var result: OperationResult?
  /// Why it failed; null where it did not.
  @Nullable public var error: ErrorDocument.Body?

  enum CodingKeys: String, CodingKey {
    case version, id, kind, object, state, phase, position, total, rate, request, created, finished, result, error
  }

  /// One that begins.
  public init(id: String, kind: Kind, object: String, request: String, created: String) {
    self.id = id
    self.kind = kind
    self.object = object
    state = .queued
    position = 0
    rate = 0
    self.request = request
    self.created = created
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    version = try values.decode(Int.self, forKey: .version)
    id = try values.decode(String.self, forKey: .id)
    kind = try values.decode(Kind.self, forKey: .kind)
    object = try values.decode(String.self, forKey: .object)
    state = try values.decode(State.self, forKey: .state)
    position = try values.decode(Int64.self, forKey: .position)
    rate = try values.decode(Int64.self, forKey: .rate)
    request = try values.decode(String.self, forKey: .request)
    created = try values.decode(String.self, forKey: .created)
    phase = try values.decodeIfPresent(String.self, forKey: .phase)
    total = try values.decodeIfPresent(Int64.self, forKey: .total)
    finished = try values.decodeIfPresent(String.self, forKey: .finished)
    error = try values.decodeIfPresent(ErrorDocument.Body.self, forKey: .error)
    guard values.contains(.result), try !values.decodeNil(forKey: .result) else { return }
    switch kind {
    case .diskCreate: result = .disk(try values.decode(DiskDocument.self, forKey: .result))
    case .diskDelete: result = .deletion(try values.decode(DeletionDocument.self, forKey: .result))
    case .diskResize, .diskFlatten: result = .change(try values.decode(DiskChangeDocument.self, forKey: .result))
    case .fetch: result = .fetch(try values.decode(FetchDocument.self, forKey: .result))
    case .prewarm: result = .prewarm(try values.decode(PrewarmDocument.self, forKey: .result))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(version, forKey: .version)
    try values.encode(id, forKey: .id)
    try values.encode(kind, forKey: .kind)
    try values.encode(object, forKey: .object)
    try values.encode(state, forKey: .state)
    try values.encode(_phase, forKey: .phase)
    try values.encode(position, forKey: .position)
    try values.encode(_total, forKey: .total)
    try values.encode(rate, forKey: .rate)
    try values.encode(request, forKey: .request)
    try values.encode(created, forKey: .created)
    try values.encode(_finished, forKey: .finished)
    switch result {
    case .disk(let document): try values.encode(document, forKey: .result)
    case .fetch(let document): try values.encode(document, forKey: .result)
    case .prewarm(let document): try values.encode(document, forKey: .result)
    case .change(let document): try values.encode(document, forKey: .result)
    case .deletion(let document): try values.encode(document, forKey: .result)
    case nil: try values.encodeNil(forKey: .result)
    }
    try values.encode(_error, forKey: .error)
  }
}

/// What `GET /v1/operations` answers.
public struct OperationListDocument: Codable, Sendable, Hashable {
  /// Version of the documents.
  public var version = 1
  /// The newest first; what ended stays a quarter of an hour.
  public var operations: [OperationDocument]

  /// A list.
  public init(operations: [OperationDocument]) { self.operations = operations }
}
