import FaultServer
import HTTPClient
import Model
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct SendTests {
  @Test func aBodyAndItsHeadersArrive() async throws {
    let server = try FaultServer { _ in FaultReply(201, [("X-Thing", "  a: b ")], body: Array("hello".utf8)) }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url + "/x"))
    #expect(response.status == 201)
    #expect(response.headers["x-thing"] == "a: b")
    #expect(response.body == Array("hello".utf8))
    await client.close()
  }

  @Test func methodHeadersRangeAndBodyAreSent() async throws {
    let server = try FaultServer { _ in FaultReply() }
    let client = makeClient()
    let body = Array(#"{"a":1}"#.utf8)
    for method in [HTTPRequest.Method.post, .put, .patch] {
      _ = try await client.send(HTTPRequest(method, server.url + "/p?q=1", headers: ["Content-Type": "application/json"], body: body))
    }
    _ = try await client.send(HTTPRequest(.delete, server.url + "/d", headers: ["X-Empty": ""]))
    _ = try await client.send(HTTPRequest(.get, server.url + "/r", range: HTTPRange(first: 5, last: 9)))
    _ = try await client.send(HTTPRequest(.get, server.url + "/r", range: HTTPRange(first: 5)))
    let requests = server.requests
    #expect(requests.map(\.method) == ["POST", "PUT", "PATCH", "DELETE", "GET", "GET"])
    #expect(requests[0].path == "/p?q=1")
    #expect(requests[0...2].allSatisfy { $0.body == body && $0.headers["content-type"] == "application/json" })
    #expect(requests[3].headers["x-empty"] == "")
    #expect(requests[4].headers["range"] == "bytes=5-9")
    #expect(requests[5].headers["range"] == "bytes=5-")
    #expect(requests[0].headers["expect"] == nil)
    await client.close()
  }

  @Test func anEmptyPostHasALengthOfZero() async throws {
    let server = try FaultServer { _ in FaultReply() }
    let client = makeClient()
    _ = try await client.send(HTTPRequest(.post, server.url))
    #expect(server.requests[0].headers["content-length"] == "0")
    #expect(server.requests[0].headers["content-type"] == nil)
    await client.close()
  }

  @Test func aConnectionIsUsedAgain() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [1, 2, 3]) }
    let client = makeClient()
    for _ in 0..<5 { _ = try await client.send(HTTPRequest(.get, server.url)) }
    #expect(server.accepted == 1)
    await client.close()
  }

  @Test func anErrorStatusIsAnAnswer() async throws {
    let server = try FaultServer { _ in FaultReply(503, [("Retry-After", "1")], body: Array("busy".utf8)) }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url))
    #expect(response.status == 503)
    #expect(response.body == Array("busy".utf8))
    await client.close()
  }

  @Test func aHeadAnswerHasNoBodyWhateverItsLength() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: []).with { $0.claimed = 1 << 40 } }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.head, server.url))
    #expect(response.head.contentLength == 1 << 40)
    #expect(response.body.isEmpty)
    await client.close()
  }

  @Test func aLargerBodyThanAllowedIsRefused() async throws {
    let server = try FaultServer { request in
      FaultReply(200, body: [UInt8](repeating: 7, count: 1000)).with { $0.chunked = request.path == "/chunked" }
    }
    let client = makeClient()
    for path in ["/plain", "/chunked"] {
      let error = await failure { try await client.send(HTTPRequest(.get, server.url + path, bodyLimit: 999)) }
      #expect(error?.kind == .tooLarge)
      let whole = try await client.send(HTTPRequest(.get, server.url + path, bodyLimit: 1000))
      #expect(whole.body.count == 1000)
    }
    await client.close()
  }

  @Test func interimAnswersAreNotTheAnswer() async throws {
    let text = "HTTP/1.1 103 Early Hints\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    let server = try FaultServer { _ in FaultReply().with { $0.raw = Array(text.utf8) } }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url))
    #expect(response.status == 200)
    #expect(response.headers["X-A"] == nil)
    #expect(response.body == Array("ok".utf8))
    await client.close()
  }

  @Test func twentyRequestsRunSideBySide() async throws {
    let server = try FaultServer { request in FaultReply(200, body: Array(request.path.utf8)).with { $0.delay = 0.05 } }
    let client = makeClient()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<20 {
        group.addTask {
          let response = try await client.send(HTTPRequest(.get, server.url + "/\(index)"))
          return response.body == Array("/\(index)".utf8)
        }
      }
      for try await right in group { #expect(right) }
    }
    await client.close()
  }
}
