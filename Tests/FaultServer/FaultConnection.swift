internal import Glibc

/// One connection of a fault server: reads requests and writes answers until either side ends it.
struct FaultConnection {
  let fd: Int32

  func serve(answer: (FaultServer.Request) -> FaultReply, wrote: (Int) -> Bool) {
    while let request = readRequest() {
      guard write(answer(request), to: request, wrote: wrote) else { return }
    }
  }

  private func readRequest() -> FaultServer.Request? {
    var bytes: [UInt8] = []
    while bytes.suffix(4) != [13, 10, 13, 10] {
      var byte: UInt8 = 0
      guard read(fd, &byte, 1) == 1 else { return nil }
      if bytes.isEmpty, byte == 0x16 {
        // A TLS handshake: answered in the clear, as a plain server does.
        _ = put(Array("HTTP/1.1 400 Plain\r\nContent-Length: 0\r\n\r\n".utf8))
        return nil
      }
      bytes.append(byte)
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
    let words = (lines.first ?? "").split(separator: " ").map(String.init)
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
      headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
    }
    var body = [UInt8](repeating: 0, count: Int(headers["content-length"] ?? "") ?? 0)
    var filled = 0
    while filled < body.count {
      let left = body.count - filled
      let count = body.withUnsafeMutableBytes { read(fd, $0.baseAddress.map { $0 + filled }, left) }
      guard count > 0 else { return nil }
      filled += count
    }
    return FaultServer.Request(method: words[0], path: words[1], headers: headers, body: body)
  }

  /// False: the connection is over.
  private func write(_ reply: FaultReply, to request: FaultServer.Request, wrote: (Int) -> Bool) -> Bool {
    if let raw = reply.raw {
      _ = put(raw)
      return false
    }
    pause(reply.delay)
    let total = reply.body.count * reply.repeats
    var lines = ["HTTP/1.1 \(reply.status) Told"]
    let claimed = reply.claimed ?? total
    if reply.chunked {
      lines.append("Transfer-Encoding: chunked")
    } else if claimed >= 0, reply.status != 204 {
      lines.append("Content-Length: \(claimed)")
    }
    lines += reply.headers.map { "\($0.0): \($0.1)" } + [""]
    for line in lines {
      guard put(Array("\(line)\r\n".utf8)) else { return false }
      pause(reply.drip)
    }
    guard request.method != "HEAD", reply.status != 204 else { return true }
    var sent = 0
    let limit = min(reply.cut ?? Int.max, reply.hang ?? Int.max)
    for _ in 0..<reply.repeats where sent < limit {
      let piece = limit - sent < reply.body.count ? Array(reply.body[..<(limit - sent)]) : reply.body
      if reply.chunked, !piece.isEmpty { _ = put(Array("\(String(piece.count, radix: 16))\r\n".utf8)) }
      guard put(piece) else { return false }
      if reply.chunked, !piece.isEmpty { _ = put([13, 10]) }
      sent += piece.count
      guard wrote(piece.count) else { return false }
    }
    if let hang = reply.hang, sent >= hang {
      waitForTheEnd()
      return false
    }
    if let cut = reply.cut, sent >= cut { return false }
    if reply.chunked { _ = put(Array("0\r\n\r\n".utf8)) }
    return claimed == total || reply.chunked
  }

  private func put(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { send(fd, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  private func pause(_ seconds: Double) {
    if seconds > 0 { usleep(UInt32(seconds * 1_000_000)) }
  }

  /// Until the client closes, or the server stops: half a minute at most.
  private func waitForTheEnd() {
    var event = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    poll(&event, 1, 30_000)
  }
}
