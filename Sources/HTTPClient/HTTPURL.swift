internal import CCurl

/// A URL taken apart by libcurl, so that what we judge is what it will connect to (`CURLU *curl_url(void)`).
struct HTTPURL {
  /// The normalized text.
  let text: String
  let scheme: String
  let host: String
  let port: String

  /// Nil unless `text` is an absolute http or https URL; `base` resolves a relative one (RFC 3986 section 5).
  init?(_ text: String, relativeTo base: String? = nil) {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    for part in [base, text].compactMap({ $0 }) {
      guard curl_url_set(handle, CURLUPART_URL, part, 0) == CURLUE_OK else { return nil }
    }
    guard let whole = HTTPURL.part(handle, CURLUPART_URL), let scheme = HTTPURL.part(handle, CURLUPART_SCHEME)?.lowercased(),
      scheme == "http" || scheme == "https", let host = HTTPURL.part(handle, CURLUPART_HOST)?.lowercased(), !host.isEmpty,
      let port = HTTPURL.part(handle, CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT))
    else { return nil }
    self.text = whole
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  /// Scheme, host and port: what credentials are bound to (RFC 6454).
  var origin: String { "\(scheme)://\(host):\(port)" }

  /// Whether the host is this machine by name or number: never asked of a proxy.
  var isLoopback: Bool {
    host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }

  private static func part(_ handle: OpaquePointer, _ which: CURLUPart, _ flags: UInt32 = 0) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, which, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
