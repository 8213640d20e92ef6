public import Model

/// Why an exchange failed. A response with a status of 400 or more is no failure here: the caller judges it.
public struct HTTPError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure, a bounded set.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// No connection (name, route, refusal, connect timeout), or it ended before any response.
    case unreachable
    /// The deadline passed.
    case timeout
    /// Too few bytes for too long.
    case stalled
    /// The body ended before its declared end.
    case truncated
    /// The peer's certificate or the handshake.
    case tls
    /// What came is not HTTP as we accept it, or redirects without end.
    case malformed = "protocol"
    /// The body is larger than the caller allows.
    case tooLarge = "too_large"
    /// The request itself cannot be sent (URL, header field).
    case invalidRequest = "invalid_request"
    /// The caller gave up, or the client was closed.
    case cancelled
  }

  /// The kind.
  public let kind: Kind
  /// The URL, without credentials and query.
  public let url: String
  /// The reason in a few words, without secrets.
  public let detail: String

  /// An error about `url`, which is redacted here.
  public init(_ kind: Kind, url: String, _ detail: String) {
    self.kind = kind
    self.url = Location.redacted(url)
    self.detail = detail
  }

  /// One sentence that names the URL and the reason.
  public var description: String {
    switch kind {
    case .unreachable: "cannot reach \(url): \(detail)"
    case .invalidRequest: "cannot ask for \(url): \(detail)"
    case .cancelled: "the request to \(url) was cancelled"
    default: "\(url): \(detail)"
    }
  }

  /// Whether the same request may succeed in a moment (it is for the caller to know that repeating it does no harm).
  public var isTransient: Bool {
    switch kind {
    case .unreachable, .stalled, .truncated: true
    case .timeout, .tls, .malformed, .tooLarge, .invalidRequest, .cancelled: false
    }
  }

  /// As the error of a room above: `code` says whose failure it is there; a passed deadline, a cancellation and a bad URL keep their own codes.
  public func slipwayError(_ code: ErrorCode) -> SlipwayError {
    switch kind {
    case .timeout: SlipwayError(.timeout, description, object: url, hint: "give more time with --deadline", cause: self)
    case .cancelled: SlipwayError(.cancelled, description, object: url, cause: self)
    case .invalidRequest: SlipwayError(.invalidURL, description, object: url, cause: self)
    case .tls: SlipwayError(code, description, object: url, hint: "check the certificate and the CA bundle (cacert)", cause: self)
    case .unreachable:
      SlipwayError(code, description, object: url, hint: "check that the service runs and that the URL is right", cause: self)
    case .stalled, .truncated, .malformed, .tooLarge: SlipwayError(code, description, object: url, cause: self)
    }
  }
}
