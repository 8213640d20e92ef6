import FaultServer
import HTTPClient
import Model
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct FailureTests {
  @Test func nobodyListensIsUnreachable() async throws {
    let server = try FaultServer { _ in FaultReply() }
    let url = server.url
    server.stop()
    let client = makeClient()
    try await Task.sleep(for: .milliseconds(50))
    let error = await failure { try await client.send(HTTPRequest(.get, url)) }
    #expect(error?.kind == .unreachable)
    #expect(error?.isTransient == true)
    await client.close()
  }

  @Test func anUnknownNameIsUnreachable() async throws {
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, "http://no-such-host.invalid/")) }
    #expect(error?.kind == .unreachable)
    await client.close()
  }

  @Test func aConnectionClosedUnansweredIsUnreachable() async throws {
    let server = try FaultServer { _ in FaultReply().with { $0.raw = [] } }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .unreachable)
    await client.close()
  }

  @Test(arguments: [false, true]) func aBodyThatEndsEarlyIsTruncated(chunked: Bool) async throws {
    let server = try FaultServer { _ in
      FaultReply(200, body: [UInt8](repeating: 1, count: 1000)).with {
        $0.cut = 600
        $0.chunked = chunked
      }
    }
    let client = makeClient()
    let sent = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(sent?.kind == .truncated)
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    let streamed = await failure { try await drain(stream) }
    #expect(streamed?.kind == .truncated)
    await client.close()
  }

  @Test func whatCameBeforeTheCutIsStillDelivered() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [UInt8](repeating: 1, count: 1000)).with { $0.cut = 600 } }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    try await Task.sleep(for: .milliseconds(50))
    let buffer = Buffer(capacity: 4096)
    var got = 0
    let error = await failure {
      while true { got += try await stream.next(into: buffer) }
    }
    #expect(got == 600)
    #expect(error?.kind == .truncated)
    await client.close()
  }

  @Test func aServerThatStopsSendingIsStalled() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [UInt8](repeating: 1, count: 100_000)).with { $0.hang = 50_000 } }
    let client = makeClient { $0.stallTimeout = .milliseconds(200) }
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    let error = await failure { try await drain(stream) }
    #expect(error?.kind == .stalled)
    await client.close()
  }

  @Test func aServerThatNeverAnswersIsStalled() async throws {
    let server = try FaultServer { _ in FaultReply().with { $0.delay = 20 } }
    let client = makeClient { $0.stallTimeout = .milliseconds(200) }
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .stalled)
    await client.close()
  }

  @Test func headersThatDripAreStalledToo() async throws {
    let headers = (0..<40).map { ("X-\($0)", "y") }
    let server = try FaultServer { _ in FaultReply(200, headers).with { $0.drip = 0.1 } }
    let client = makeClient { $0.stallTimeout = .milliseconds(400) }
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .stalled)
    await client.close()
  }

  @Test func theDeadlineEndsAnExchangeThatMakesProgress() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [1]).with { $0.delay = 20 } }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url, deadline: .after(.milliseconds(150)))) }
    #expect(error?.kind == .timeout)
    #expect(error?.slipwayError(.imageServiceUnavailable).code == .timeout)
    await client.close()
  }

  @Test func whatIsNoHTTPIsMalformed() async throws {
    let server = try FaultServer { _ in FaultReply().with { $0.raw = Array("SSH-2.0-OpenSSH_9.2\r\n".utf8) } }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .malformed)
    await client.close()
  }

  @Test func anEndlessHeaderIsRefused() async throws {
    let headers = (0..<400).map { ("X-\($0)", String(repeating: "y", count: 1000)) }
    let server = try FaultServer { _ in FaultReply(200, headers) }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .malformed)
    await client.close()
  }

  @Test func plainTextWhereTLSIsExpectedIsATLSError() async throws {
    let server = try FaultServer { _ in FaultReply() }
    let client = makeClient()
    let error = await failure {
      try await client.send(HTTPRequest(.get, "https://127.0.0.1:\(server.port)/", deadline: .after(.seconds(5))))
    }
    #expect(error?.kind == .tls)
    #expect(server.requests.isEmpty)
    await client.close()
  }

  @Test(arguments: ["", "ftp://h/x", "file:///etc/passwd", "//h/x", "http://", "h/x", "http://h:99999/", "http://h/a b"])
  func anURLThatIsNotHTTPIsRefused(url: String) async throws {
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, url)) }
    #expect(error?.kind == .invalidRequest)
    await client.close()
  }

  @Test(arguments: ["a\r\nX-Evil: 1", "a\u{0}b"]) func aHeaderCannotSmuggleAnother(value: String) async throws {
    let server = try FaultServer { _ in FaultReply() }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url, headers: ["X-A": value])) }
    #expect(error?.kind == .invalidRequest)
    #expect(server.requests.isEmpty)
    await client.close()
  }

  @Test func noErrorNorDescriptionTellsCredentials() async throws {
    let server = try FaultServer { _ in FaultReply().with { $0.raw = [] } }
    let client = makeClient()
    let url = "http://user:hunter2@127.0.0.1:\(server.port)/x?signature=hunter2"
    let headers: HTTPHeaders = ["X-Auth-Token": "hunter2", "authorization": "Bearer hunter2"]
    let error = await failure { try await client.send(HTTPRequest(.get, url, headers: headers)) }
    let wrapped = error?.slipwayError(.sourceFailed)
    var dumped = ""
    dump(headers, to: &dumped)
    for text in ["\(error as Any)", "\(wrapped as Any)", "\(headers)", String(reflecting: headers), dumped] {
      #expect(!text.contains("hunter2"))
    }
    #expect(error?.kind == .unreachable)
    await client.close()
  }
}
