import FaultServer
import Model
import Runtime
import TestSupport
import Testing
import Transports

@Suite(.timeLimit(.minutes(1))) struct BodySourceTests {
  let bed: Bed
  let body = SparseRandomImage(size: 1_500_000, seed: 7, data: 1).bytes()

  init() throws { bed = try Bed() }

  /// What came of a transfer: the code of its failure, or whether all bytes are right.
  func transfer(_ served: Served) async -> (ErrorCode?, Bool) {
    let sink = MemorySink()
    let code = await Bed.code { _ = try await bed.run(served.source, to: sink) }
    await served.close()
    return (code, code == nil && Bytes.firstDifference(sink.bytes, body) == nil)
  }

  @Test func aBreakInMidStreamIsResumedWhereItWas() async throws {
    let body = body
    let served = try await Served { .part(of: body, from: $0.first).with { $0.cut = 400_000 } }
    let (code, isWhole) = await transfer(served)
    #expect(code == nil)
    #expect(isWhole)
    #expect(served.server.requests.count == 4)
  }

  @Test func aServerThatIgnoresTheRangeEndsTheTransfer() async throws {
    let body = body
    let served = try await Served { _ in FaultReply.part(of: body, from: 0).with { $0.cut = 400_000 } }
    #expect(await transfer(served) == (.sourceFailed, false))
    #expect(served.server.requests.count == 2)
  }

  @Test func aRangeThatBeginsElsewhereIsNotTaken() async throws {
    let body = body
    let served = try await Served { request in
      request.first == 0
        ? FaultReply.part(of: body, from: 0).with { $0.cut = 400_000 } : .part(of: body, from: request.first - 1000)
    }
    #expect(await transfer(served) == (.sourceFailed, false))
  }

  @Test func anotherEntityTagIsAnotherBody() async throws {
    let body = body
    let served = try await Served { request in
      .part(of: body, from: request.first, tag: request.first == 0 ? "\"a\"" : "\"b\"").with { $0.cut = 400_000 }
    }
    #expect(await transfer(served) == (.sourceFailed, false))
    #expect(served.server.requests.count == 2, "what changed is not asked for again by this source")
  }

  @Test func aTagThatWentIsAnotherBody() async throws {
    let body = body
    let served = try await Served { request in
      .part(of: body, from: request.first, tag: request.first == 0 ? "\"a\"" : nil).with { $0.cut = 400_000 }
    }
    #expect(await transfer(served) == (.sourceFailed, false))
  }

  @Test func withoutAValidatorOrWithAWeakOneNothingIsResumed() async throws {
    let body = body
    for tag in [nil, "W/\"a\""] {
      let served = try await Served { .part(of: body, from: $0.first, tag: tag).with { $0.cut = 400_000 } }
      #expect(await transfer(served) == (.sourceFailed, false))
    }
  }

  @Test func whatNeverChangesIsResumedWithoutAValidator() async throws {
    let body = body
    let served = try await Served(size: Int64(body.count), isImmutable: true) {
      .part(of: body, from: $0.first, tag: nil).with { $0.cut = 400_000 }
    }
    #expect(await transfer(served) == (nil, true))
  }

  @Test func aWholeOfAnotherSizeIsAnotherBody() async throws {
    let body = body
    let served = try await Served(size: Int64(body.count), isImmutable: true) { request in
      var reply = FaultReply.part(of: body, from: request.first, tag: nil)
      if request.first > 0 { reply.headers = [("Content-Range", "bytes \(request.first)-\(body.count)/\(body.count + 1)")] }
      return reply.with { $0.cut = 400_000 }
    }
    #expect(await transfer(served) == (.sourceFailed, false))
  }

  @Test func aServerThatIsBusyForAMomentIsAskedAgain() async throws {
    let (body, asked) = (body, Locked(0))
    let served = try await Served { request in
      let number = asked.with { asked -> Int in
        asked += 1
        return asked
      }
      if number == 2 || number == 3 { return FaultReply(503) }
      return .part(of: body, from: request.first).with { if number == 1 { $0.cut = 400_000 } }
    }
    #expect(await transfer(served) == (nil, true))
  }

  @Test func whatWentAwayIsNotAskedForAgain() async throws {
    let body = body
    let served = try await Served { $0.first > 0 ? FaultReply(404) : .part(of: body, from: 0).with { $0.cut = 400_000 } }
    #expect(await transfer(served) == (.sourceNotFound, false))
    #expect(served.server.requests.count == 2)
  }

  @Test func aServerThatOnlyBreaksIsGivenUp() async throws {
    let body = body
    let served = try await Served(retries: 3) { request in
      request.first > 0 ? FaultReply(500) : .part(of: body, from: 0).with { $0.cut = 400_000 }
    }
    #expect(await transfer(served) == (.sourceFailed, false))
    #expect(served.server.requests.count == 4)
  }

  @Test func aServerThatGivesALittleAndBreaksIsGivenUpToo() async throws {
    let body = body
    let served = try await Served { .part(of: body, from: $0.first).with { $0.cut = 100 } }
    #expect(await transfer(served) == (.sourceFailed, false))
    #expect(served.server.requests.count == 101)
  }

  @Test func aBodyThatStallsIsAskedForAgain() async throws {
    let body = body
    let served = try await Served(stall: .seconds(1)) { request in
      .part(of: body, from: request.first).with { if request.first == 0 { $0.hang = 700_000 } }
    }
    #expect(await transfer(served) == (nil, true))
  }

  @Test func aBodyLongerThanTheImageIsRefused() async throws {
    let body = body
    let served = try await Served(size: Int64(body.count) - 1) { _ in .part(of: body, from: 0) }
    #expect(await transfer(served) == (.sizeMismatch, false))
  }

  @Test func aBodyShorterThanTheImageIsRefused() async throws {
    let body = body
    let served = try await Served(size: Int64(body.count) + 1, isImmutable: true, retries: 2) { request in
      request.first >= body.count ? FaultReply(416) : .part(of: body, from: request.first)
    }
    #expect(await transfer(served) == (.sourceFailed, false))
  }

  @Test func aSizeThatIsNoNumberOfBytesIsNoSize() async throws {
    let body = body
    for length in ["-1", "9223372036854775808", "x"] {
      let served = try await Served { _ in
        FaultReply(raw: "HTTP/1.1 200 OK\r\nX-Length: \(length)\r\nConnection: close\r\n\r\n", body)
      }
      #expect(served.source.size == nil)
      #expect(await transfer(served) == (nil, true))
    }
  }

  @Test func cancellingEndsAStalledTransferAtOnce() async throws {
    let body = body
    let served = try await Served(stall: .seconds(600)) { _ in FaultReply.part(of: body, from: 0).with { $0.hang = 300_000 } }
    let bed = bed
    let work = Task { try await bed.run(served.source, to: MemorySink()) }
    try await Task.sleep(for: .milliseconds(50))
    work.cancel()
    let result = await work.result
    #expect(throws: CancellationError.self) { try result.get() }
    await served.close()
  }
}

extension FaultReply {
  /// A head and a body as they are.
  init(raw head: String, _ body: [UInt8]) {
    self.init()
    raw = Array(head.utf8) + body
  }
}
