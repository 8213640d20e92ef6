public import Runtime

/// One request, HTTP or HTTPS.
public struct HTTPRequest: Sendable {
  /// The methods that we speak.
  public enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  /// What to do with a redirection (RFC 9110 section 15.4). Only GET and HEAD are ever repeated elsewhere.
  public enum Redirects: Sendable, Hashable {
    /// The redirection is the response.
    case never
    /// Followed up to five times, to http and https only; fields that prove who asks go to no other origin.
    case follow
  }

  /// The method.
  public var method: Method
  /// An absolute URL with scheme `http` or `https`, percent-encoded. `user:password@` is sent as Basic credentials.
  public var url: String
  /// Header fields beside those that the client makes (`Host`, `Content-Length`, `User-Agent`, `Range`).
  public var headers: HTTPHeaders
  /// A body, held in memory.
  public var body: [UInt8]?
  /// A body that is written while it is sent, instead of `body`; for one exchange only, and only with PUT. Such an exchange begins on a new connection:
  /// what was sent already could not be sent again.
  public var upload: UploadBody?
  /// The bytes wanted, first to last, both included; without a last one, to the end (RFC 9110 section 14.1). The server may ignore it.
  public var range: HTTPRange?
  /// When the whole exchange, the body included, must be over.
  public var deadline: Deadline
  /// Nil: `follow`, but `never` for a request with a field that proves who asks.
  public var redirects: Redirects?
  /// How many bytes `send` takes as a body before it fails with `tooLarge`.
  public var bodyLimit: Int

  /// A request; `bodyLimit` is in bytes (8 MiB).
  public init(
    _ method: Method = .get, _ url: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil, range: HTTPRange? = nil,
    deadline: Deadline = .never, redirects: Redirects? = nil, bodyLimit: Int = 8 << 20
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.range = range
    self.deadline = deadline
    self.redirects = redirects
    self.bodyLimit = bodyLimit
  }

  var followsRedirects: Bool {
    guard method == .get || method == .head else { return false }
    return (redirects ?? (headers.hasSensitive ? .never : .follow)) == .follow
  }
}

/// A range of bytes, as the `Range` header names it.
public struct HTTPRange: Sendable, Hashable {
  /// The first byte wanted, from 0.
  public var first: Int64
  /// The last byte wanted (included); nil for the end.
  public var last: Int64?

  /// A range.
  public init(first: Int64, last: Int64? = nil) {
    self.first = first
    self.last = last
  }

  var text: String { "bytes=\(first)-\(last.map(String.init) ?? "")" }
}
