internal import CCurl
internal import Model
internal import Runtime

/// One exchange on libcurl's thread: the easy handle, what its callbacks gather, and the two ways out (head, body).
final class Transfer: @unchecked Sendable {
  // Sendable by proof: the `var`s are touched by the engine's thread only (libcurl calls back on it), the rest is immutable and Sendable.
  let request: HTTPRequest
  let url: HTTPURL
  let head = Handoff<HTTPHead>()
  let pipe: BodyPipe

  var easy: UnsafeMutableRawPointer?
  var fields: UnsafeMutablePointer<curl_slist>?
  /// CURL_ERROR_SIZE bytes that libcurl writes its words to.
  var words: UnsafeMutablePointer<CChar>?
  /// Why a callback told libcurl to stop.
  var refusal: HTTPError?
  var headDone = false
  /// Whether the callbacks gave the pipe something since the last flush.
  var dirty = false
  var paused = false
  /// Whether the sending waits for whoever writes the body.
  var starved = false
  /// Whether all of the body is on its way: the peer may work on it for a while before it answers.
  var isSent = false
  private var sent: Int64 = 0
  /// The stall window: when it began, and what came since.
  var windowStart = ContinuousClock.now
  var windowBytes = 0

  private var status = 0
  private var headers = HTTPHeaders()
  private var headBytes = 0
  private static let headLimit = 256 << 10

  init(request: HTTPRequest, url: HTTPURL, capacity: Int) {
    self.request = request
    self.url = url
    pipe = BodyPipe(capacity: capacity)
  }

  deinit { release() }

  /// Frees what belongs to libcurl; the easy handle is out of the multi handle by now.
  func release() {
    if let easy { curl_easy_cleanup(easy) }
    if let fields { curl_slist_free_all(fields) }
    words?.deallocate()
    easy = nil
    fields = nil
    words = nil
  }

  /// A header line, its line end included. False stops the transfer.
  func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    windowBytes += bytes.count
    if headDone { return true }  // a trailer
    headBytes += bytes.count
    guard headBytes <= Transfer.headLimit else {
      refusal = HTTPError(.malformed, url: request.url, "the header is larger than \(Transfer.headLimit >> 10) KiB")
      return false
    }
    var line = Substring(String(decoding: bytes, as: UTF8.self))
    while let last = line.last, last.isNewline || last == " " || last == "\t" { line.removeLast() }
    if line.isEmpty {
      // An interim answer (1xx) is followed by another head.
      if status >= 200 { finishHead() }
    } else if line.hasPrefix("HTTP/") {
      startHead(line)
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers.add(String(line[..<colon]), String(value))
    }
    return true
  }

  private func startHead(_ line: Substring) {
    headers = HTTPHeaders()
    let words = line.split(separator: " ", maxSplits: 2)
    status = words.count > 1 ? Int(words[1]) ?? 0 : 0
  }

  private func finishHead() {
    headDone = true
    head.fulfill(.success(HTTPHead(status: status, headers: headers, url: Location.redacted(url.text))))
  }

  /// Body bytes, as libcurl's write function wants it answered.
  func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return bytes.count }
    switch pipe.write(base, count: bytes.count) {
    case .taken:
      windowBytes += bytes.count
      dirty = true
      return bytes.count
    case .full:
      paused = true
      dirty = true
      return Int(CURL_WRITEFUNC_PAUSE)
    case .closed:
      refusal = HTTPError(.cancelled, url: request.url, "closed by the reader")
      return 0
    }
  }

  /// Bytes of the request's body, as libcurl's read function wants it answered.
  func giveBody(_ room: UnsafeMutableRawBufferPointer) -> Int {
    guard let upload = request.upload else { return 0 }
    switch upload.take(into: room) {
    case .bytes(let count):
      windowBytes += count
      sent += Int64(count)
      isSent = upload.length == sent
      return count
    case .none:
      starved = true
      return Int(CURL_READFUNC_PAUSE)
    case .finished:
      isSent = true
      return 0
    case .failed:
      refusal = HTTPError(.cancelled, url: request.url, "the body was given up")
      return Int(CURL_READFUNC_ABORT)
    }
  }

  /// Tells both ways out, once.
  func finish(_ failure: HTTPError?) {
    request.upload?.close()
    if let failure {
      head.fulfill(.failure(failure))
      pipe.end(.failed(failure))
    } else {
      if !headDone { head.fulfill(.failure(HTTPError(.malformed, url: request.url, "no header came"))) }
      pipe.end(.finished)
    }
  }
}
