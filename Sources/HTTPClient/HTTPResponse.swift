/// The status line and the header fields of a response.
public struct HTTPHead: Sendable {
  /// The status code, 200 to 599.
  public var status: Int
  /// The header fields.
  public var headers: HTTPHeaders
  /// The URL that answered, without credentials and query: it differs from the request's after a redirection.
  public var url: String

  /// `Content-Length` in bytes; nil when absent or no number.
  public var contentLength: Int64? { headers["Content-Length"].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil } }

  /// The first byte of a 206 answer (`Content-Range: bytes FIRST-LAST/TOTAL`), nil when absent or malformed.
  public var rangeStart: Int64? {
    guard let text = headers["Content-Range"], text.lowercased().hasPrefix("bytes ") else { return nil }
    return Int64(text.dropFirst(6).prefix { $0 != "-" })
  }
}

/// A response with its whole body.
public struct HTTPResponse: Sendable {
  /// Status and header fields.
  public var head: HTTPHead
  /// The body, at most the request's `bodyLimit` bytes.
  public var body: [UInt8]

  /// The status code.
  public var status: Int { head.status }
  /// The header fields.
  public var headers: HTTPHeaders { head.headers }
}
