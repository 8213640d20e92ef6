internal import CCurl
internal import Glibc

/// Turns a request into an easy handle (`CURL *curl_easy_init(void)` and its options).
struct EasySetup {
  let transfer: Transfer
  let settings: HTTPClient.Settings

  /// Sets `transfer.easy`; an error says why the request cannot be sent. What was made is the transfer's to free.
  func apply() -> HTTPError? {
    let request = transfer.request
    guard let easy = curl_easy_init() else { return HTTPError(.invalidRequest, url: request.url, "libcurl has no handle left") }
    transfer.easy = easy
    let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    transfer.words = words

    var ok = true
    func set(_ option: CURLoption, _ value: Int) { ok = slipway_setopt_long(easy, option, value) == CURLE_OK && ok }
    func set(_ option: CURLoption, _ value: String) { ok = slipway_setopt_string(easy, option, value) == CURLE_OK && ok }
    func point(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
      ok = slipway_setopt_pointer(easy, option, value) == CURLE_OK && ok
    }

    set(CURLOPT_URL, transfer.url.text)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_NOSIGNAL, 1)
    // Without this, giving up waits for the resolver's thread, and with it every other transfer.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, max(1, milliseconds(settings.connectTimeout)))
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    set(CURLOPT_BUFFERSIZE, 256 << 10)
    set(CURLOPT_USERAGENT, settings.userAgent)
    if transfer.url.isLoopback { set(CURLOPT_NOPROXY, "*") }
    if let path = settings.unixSocket {
      set(CURLOPT_UNIX_SOCKET_PATH, path)
      set(CURLOPT_NOPROXY, "*")
    }
    if let file = settings.caFile {
      set(CURLOPT_CAINFO, file)
      // Else the distribution's directory of authorities would be trusted beside it.
      point(CURLOPT_CAPATH, nil)
    }
    if !settings.verifiesPeer {
      set(CURLOPT_SSL_VERIFYPEER, 0)
      set(CURLOPT_SSL_VERIFYHOST, 0)
    }
    point(CURLOPT_ERRORBUFFER, words)
    setCallbacks(easy)
    setMethod(easy, set: set)
    if let failure = setHeaders(easy) { return failure }
    return ok ? nil : HTTPError(.invalidRequest, url: request.url, "libcurl refused an option")
  }

  private func setCallbacks(_ easy: UnsafeMutableRawPointer) {
    let box = Unmanaged.passUnretained(transfer).toOpaque()
    _ = slipway_setopt_pointer(easy, CURLOPT_WRITEDATA, box)
    _ = slipway_setopt_function(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, box in
      guard let box else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
      return transfer.takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    _ = slipway_setopt_pointer(easy, CURLOPT_HEADERDATA, box)
    _ = slipway_setopt_function(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, box in
      guard let box else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
      return transfer.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
    }
  }

  private func setMethod(_ easy: UnsafeMutableRawPointer, set: (CURLoption, Int) -> Void) {
    let request = transfer.request
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .put where request.upload != nil:
      set(CURLOPT_UPLOAD, 1)
      set(CURLOPT_FRESH_CONNECT, 1)
      setUpload(easy)
      return
    case .head: set(CURLOPT_NOBODY, 1)
    case .post, .put, .patch, .delete:
      _ = slipway_setopt_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
    let wantsBody = request.method != .get && request.method != .head && request.method != .delete
    guard request.body != nil || wantsBody else { return }
    let body = request.body ?? []
    _ = slipway_setopt_off(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
    body.withUnsafeBytes { bytes in
      // COPYPOSTFIELDS takes its own copy now; a null pointer would make it ask for a read function.
      var none: UInt8 = 0
      let pointer = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
      withUnsafeMutableBytes(of: &none) { empty in
        _ = slipway_setopt_pointer(easy, CURLOPT_COPYPOSTFIELDS, pointer ?? empty.baseAddress)
      }
    }
    if request.method != .post { _ = slipway_setopt_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
  }

  /// A body that is asked for piece by piece; without a length it goes in chunks.
  private func setUpload(_ easy: UnsafeMutableRawPointer) {
    _ = slipway_setopt_off(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(transfer.request.upload?.length ?? -1))
    _ = slipway_setopt_pointer(easy, CURLOPT_READDATA, Unmanaged.passUnretained(transfer).toOpaque())
    _ = slipway_setopt_function(easy, CURLOPT_READFUNCTION) { bytes, size, count, box in
      guard let box, let bytes else { return Int(CURL_READFUNC_ABORT) }
      let transfer = Unmanaged<Transfer>.fromOpaque(box).takeUnretainedValue()
      return transfer.giveBody(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
    }
  }

  private func setHeaders(_ easy: UnsafeMutableRawPointer) -> HTTPError? {
    let request = transfer.request
    // No 100-continue round trip, and no form type that we did not ask for.
    var lines = ["Expect:"]
    if request.headers["Content-Type"] == nil { lines.append("Content-Type:") }
    if let range = request.range { lines.append("Range: \(range.text)") }
    for field in request.headers.fields {
      let bad = field.name.isEmpty || field.name.utf8.contains { $0 <= 32 || $0 == 58 || $0 == 127 }
      let badValue = field.value.utf8.contains { $0 < 32 && $0 != 9 || $0 == 127 }
      if bad || badValue { return HTTPError(.invalidRequest, url: request.url, "a header field holds forbidden characters") }
      // libcurl's form for a field without value.
      lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    for line in lines {
      guard let longer = curl_slist_append(transfer.fields, line) else { continue }
      transfer.fields = longer
    }
    _ = slipway_setopt_pointer(easy, CURLOPT_HTTPHEADER, transfer.fields)
    return nil
  }

  private func milliseconds(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    return Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
