import FaultServer
import HTTPClient
import Testing

@Suite(.timeLimit(.minutes(5))) struct RedirectTests {
  @Test(arguments: [301, 302, 303, 307, 308]) func aPlainRequestFollows(status: Int) async throws {
    let target = try FaultServer { _ in FaultReply(200, body: Array("here".utf8)) }
    let url = target.url + "/end"
    let server = try FaultServer { _ in FaultReply(status, [("Location", url)]) }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url))
    #expect(response.body == Array("here".utf8))
    #expect(response.head.url == url)
    await client.close()
  }

  @Test func aRelativeTargetIsResolved() async throws {
    let server = try FaultServer { request in
      request.path == "/a/b" ? FaultReply(302, [("Location", "../c?d=1")]) : FaultReply(200, body: Array(request.path.utf8))
    }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url + "/a/b"))
    #expect(response.body == Array("/c?d=1".utf8))
    await client.close()
  }

  @Test func aRequestWithATokenDoesNotFollow() async throws {
    let target = try FaultServer { _ in FaultReply() }
    let url = target.url
    let server = try FaultServer { _ in FaultReply(302, [("Location", url)]) }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.get, server.url, headers: ["x-auth-token": "t"]))
    #expect(response.status == 302)
    #expect(target.requests.isEmpty)
    await client.close()
  }

  @Test func aTokenGoesToNoOtherOriginEvenWhenAskedToFollow() async throws {
    let target = try FaultServer { _ in FaultReply() }
    let url = target.url
    let server = try FaultServer { request in
      request.path == "/" ? FaultReply(302, [("Location", "/same")]) : FaultReply(302, [("Location", url)])
    }
    let client = makeClient()
    let headers: HTTPHeaders = ["X-Auth-Token": "t", "Authorization": "a", "Cookie": "c", "X-Plain": "p"]
    let login = server.url.replacing("http://", with: "http://u:p@")
    _ = try await client.send(HTTPRequest(.get, login + "/", headers: headers, redirects: .follow))
    let same = server.requests[1].headers
    #expect(same["x-auth-token"] == "t")
    let other = target.requests[0].headers
    #expect(other["x-auth-token"] == nil && other["authorization"] == nil && other["cookie"] == nil)
    #expect(other["x-plain"] == "p")
    await client.close()
  }

  @Test func aLoopEnds() async throws {
    let server = try FaultServer { _ in FaultReply(302, [("Location", "/again")]) }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .malformed)
    #expect(server.requests.count == 6)
    await client.close()
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"]) func noRedirectLeavesHTTP(target: String)
    async throws
  {
    let server = try FaultServer { _ in FaultReply(302, [("Location", target)]) }
    let client = makeClient()
    let error = await failure { try await client.send(HTTPRequest(.get, server.url)) }
    #expect(error?.kind == .malformed)
    await client.close()
  }

  @Test func aPostIsNeverRepeatedElsewhere() async throws {
    let server = try FaultServer { _ in FaultReply(307, [("Location", "/other")]) }
    let client = makeClient()
    let response = try await client.send(HTTPRequest(.post, server.url, body: [1]))
    #expect(response.status == 307)
    #expect(server.requests.count == 1)
    await client.close()
  }
}
