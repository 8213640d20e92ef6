import FaultServer
import HTTPClient
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct StreamTests {
  /// 61 is no divisor of any buffer: a byte out of place changes the sum.
  static let pattern = (0..<(61 * 1024)).map { UInt8($0 % 61) }

  static func expected(_ count: Int) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<count { sum = sum &* 31 &+ UInt64(pattern[index % pattern.count]) }
    return sum
  }

  @Test(arguments: [false, true]) func everyByteArrivesInOrder(chunked: Bool) async throws {
    let server = try FaultServer { _ in
      FaultReply(200, body: StreamTests.pattern).with {
        $0.repeats = 160
        $0.chunked = chunked
      }
    }
    let client = makeClient { $0.bufferBytes = 100_001 }
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    let (count, sum) = try await drain(stream, piece: 77_777)
    #expect(count == StreamTests.pattern.count * 160)
    #expect(sum == StreamTests.expected(count))
    await client.close()
  }

  @Test func aReaderThatWaitsHoldsTheServerBack() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: StreamTests.pattern).with { $0.repeats = 2000 } }
    let client = makeClient { $0.stallTimeout = .seconds(1) }
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    var before = -1
    while server.written != before {
      before = server.written
      try await Task.sleep(for: .milliseconds(200))
    }
    // Two windows: the first may have seen bytes.
    try await Task.sleep(for: .milliseconds(2200))
    // Ours is 1 MiB; the rest lies in the kernel's socket buffers (at most 4 + 6 MiB by default), of 119 MiB.
    #expect(before < 24 << 20)
    // Waiting on the reader is no stall, and the rest still comes.
    let (count, _) = try await drain(stream, piece: 1 << 20)
    #expect(count == StreamTests.pattern.count * 2000)
    await client.close()
  }

  @Test func anEmptyBodyEndsAtOnce() async throws {
    let server = try FaultServer { _ in FaultReply(204) }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    #expect(stream.head.status == 204)
    #expect(try await stream.next(into: Buffer(capacity: 10)) == 0)
    #expect(try await stream.next(into: Buffer(capacity: 10)) == 0)
    await client.close()
  }

  @Test func closingEarlyClosesTheConnection() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: StreamTests.pattern).with { $0.repeats = 2000 } }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    _ = try await stream.next(into: Buffer(capacity: 1000))
    stream.close()
    stream.close()
    let error = await failure { try await stream.next(into: Buffer(capacity: 1000)) }
    #expect(error?.kind == .cancelled)
    while server.open > 0 { try await Task.sleep(for: .milliseconds(5)) }
    await client.close()
  }

  @Test func droppingTheStreamClosesTheConnection() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: StreamTests.pattern).with { $0.repeats = 2000 } }
    let client = makeClient()
    do { _ = try await client.stream(HTTPRequest(.get, server.url)) }
    while server.open > 0 { try await Task.sleep(for: .milliseconds(5)) }
    await client.close()
  }

  @Test func cancellingTheTaskEndsAWaitForBytes() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [1, 2, 3]).with { $0.hang = 2 } }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    let task = Task { await failure { try await drain(stream) } }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
    while server.open > 0 { try await Task.sleep(for: .milliseconds(5)) }
    await client.close()
  }

  @Test func cancellingTheTaskEndsAWaitForTheHead() async throws {
    let server = try FaultServer { _ in FaultReply().with { $0.delay = 2 } }
    let client = makeClient()
    let url = server.url
    let task = Task { await failure { try await client.stream(HTTPRequest(.get, url)) } }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
    await client.close()
  }

  @Test func closingTheClientEndsItsStreamsAndRefusesMore() async throws {
    let server = try FaultServer { _ in FaultReply(200, body: [1, 2, 3]).with { $0.hang = 2 } }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url))
    let task = Task { await failure { try await drain(stream) } }
    try await Task.sleep(for: .milliseconds(50))
    await client.close()
    #expect(await task.value?.kind == .cancelled)
    let url = server.url
    let later = await failure { try await client.send(HTTPRequest(.get, url)) }
    #expect(later?.kind == .cancelled)
    await client.close()
  }

  @Test func aPartialAnswerTellsWhereItStarts() async throws {
    let server = try FaultServer { _ in FaultReply(206, [("Content-Range", "bytes 5-9/10")], body: [5, 6, 7, 8, 9]) }
    let client = makeClient()
    let stream = try await client.stream(HTTPRequest(.get, server.url, range: HTTPRange(first: 5)))
    #expect(stream.head.rangeStart == 5)
    await client.close()
  }
}
