import Glibc
import Model
import Runtime
import Testing

@testable import NBD

/// A client of ours and a server of ours, and peers that behave badly.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
  @Test func whatIsReadIsWhatIsThere() async throws {
    let bytes = pattern(300_001)
    let export = MemoryExport(bytes)
    let read = try await connected(NBDExport(size: Int64(bytes.count), reading: export)) { client in
      #expect(client.size == 300_001)
      #expect(client.isReadOnly)
      let target = Buffer(capacity: bytes.count)
      try await client.read(at: 0, length: bytes.count, into: target)
      let end = Buffer(capacity: 7)
      try await client.read(at: 299_994, length: 7, into: end)
      #expect(Array(end.memory[..<7]) == Array(bytes.suffix(7)))
      return Array(target.memory[..<bytes.count])
    }
    #expect(read == bytes)
  }

  @Test func manyReadsAtOnceDoNotMix() async throws {
    let bytes = pattern(1 << 20)
    let export = MemoryExport(bytes)
    // A budget that holds few of them.
    try await connected(NBDExport(size: Int64(bytes.count), reading: export), budget: ByteBudget(capacity: 100_000)) { client in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<64 {
          group.addTask {
            let target = Buffer(capacity: 16384)
            try await client.read(at: Int64(index * 16384), length: 16384, into: target)
            let isSame = Array(target.memory[..<16384]) == Array(bytes[index * 16384..<(index + 1) * 16384])
            #expect(isSame)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func extentsAreTold() async throws {
    let bytes = pattern(9 * 4096)
    let export = MemoryExport(bytes)
    let extents = try await connected(NBDExport(size: Int64(bytes.count), reading: export)) { try await $0.extents(from: 0, to: $0.size) }
    let expected = try await export.extents(from: 0, to: Int64(bytes.count))
    #expect(extents == expected)
    #expect(extents.count == 7)
  }

  @Test func whatIsWrittenArrives() async throws {
    let bytes = pattern(100_000)
    let export = MemoryExport([UInt8](repeating: 7, count: 100_000))
    try await connected(NBDExport(size: 100_000, reading: export, writing: export)) { client in
      try await client.write(buffer(Array(bytes[50_000...])), length: 50_000, at: 50_000)
      try await client.write(buffer(Array(bytes[..<50_000])), length: 50_000, at: 0)
      try await client.zero(at: 10, length: 20)
      try await client.trim(at: 0, length: 5)
      try await client.flush()
    }
    var expected = bytes
    expected.replaceSubrange(10..<30, with: repeatElement(0, count: 20))
    #expect(export.bytes == expected)
    #expect(export.state.with { $0.flushes } == 1)
  }

  @Test func whatIsOrderedIsWrittenInOrder() async throws {
    let export = MemoryExport([UInt8](repeating: 0, count: 64 * 1024), isOrdered: true)
    try await connected(NBDExport(size: 64 * 1024, writing: export)) { client in
      for index in 0..<64 { try await client.write(buffer(pattern(1024)), length: 1024, at: Int64(index * 1024)) }
    }
    let writes = export.state.with { $0.writes.map(\.lowerBound) }
    #expect(writes == (0..<64).map { Int64($0 * 1024) })
  }

  @Test func anErrorOfTheExportReachesThePeerAndTheWatcher() async throws {
    let export = MemoryExport([UInt8](repeating: 0, count: 8192))
    let activity = NBDActivity()
    try await connected(NBDExport(size: 8192, reading: export, writing: export), activity: activity) { client in
      export.failReads(SlipwayError(.clusterUnreachable, "the cluster is away"))
      await #expect(throws: SlipwayError.self) { try await client.read(at: 0, length: 10, into: Buffer(capacity: 10)) }
      export.failWrites(SlipwayError(.noSpace, "it is full"))
      do {
        try await client.write(buffer([1, 2]), length: 2, at: 0)
        Issue.record("the write succeeded")
      } catch let error as SlipwayError {
        #expect(error.code == .noSpace)
      }
      // And the connection goes on.
      try await client.zero(at: 0, length: 8192)
    }
    #expect(activity.failure?.code == .clusterUnreachable)
  }

  @Test func aWriteOnlyExportIsNotRead() async throws {
    let export = MemoryExport([UInt8](repeating: 1, count: 512))
    try await connected(NBDExport(size: 512, writing: export)) { client in
      do {
        try await client.read(at: 0, length: 512, into: Buffer(capacity: 512))
        Issue.record("it was read")
      } catch let error as SlipwayError {
        #expect(error.code == .permissionDenied)
      }
    }
  }

  // MARK: Peers that behave badly

  /// A server whose peer sends `bytes` after the greeting, and then closes or stays silent.
  private func raw(_ bytes: [UInt8], stays: Bool, limits: NBDLimits = NBDLimits()) async throws {
    let (ours, theirs) = try NBDSocket.pair()
    let export = MemoryExport([UInt8](repeating: 1, count: 8192))
    let server = NBDServer(
      NBDExport(size: 8192, reading: export, writing: export), on: ours, limits: limits, budget: ByteBudget(capacity: 1 << 20))
    let peer = NBDSocket(taking: theirs)
    try await peer.send(bytes, pace: .seconds(5))
    if !stays { shutdown(theirs, Int32(SHUT_WR)) }
    do {
      try await server.run()
    } catch {
      await peer.close()
      throw error
    }
    await peer.close()
  }

  private func handshake() -> [UInt8] {
    var packed = Packed()
    packed.add(UInt32(3))
    packed.add(Protocol.optionMagic)
    packed.add(Protocol.Option.exportName)
    packed.add(UInt32(0))
    return packed.bytes
  }

  private func write(_ length: UInt32) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.requestMagic)
    packed.add(UInt16(0))
    packed.add(UInt16(1))
    packed.add(UInt64(1))
    packed.add(UInt64(0))
    packed.add(length)
    return packed.bytes
  }

  @Test func aPeerThatClosesBetweenRequestsIsDone() async throws { try await raw(handshake(), stays: false) }

  @Test func aPeerThatClosesInTheGreetingIsAnError() async throws {
    await #expect(throws: SlipwayError.self) { try await raw([0, 0], stays: false) }
  }

  @Test func aPeerThatClosesInARequestIsAnError() async throws {
    let bytes = handshake() + write(512).prefix(13)
    await #expect(throws: SlipwayError.self) { try await raw(bytes, stays: false) }
  }

  @Test func aPeerThatClosesInItsDataIsAnError() async throws {
    let bytes = handshake() + write(4096) + [UInt8](repeating: 9, count: 4095)
    await #expect(throws: SlipwayError.self) { try await raw(bytes, stays: false) }
  }

  @Test func aPeerThatStopsInTheGreetingIsGivenUp() async throws {
    var limits = NBDLimits()
    limits.handshake = .milliseconds(50)
    let chosen = limits
    await #expect(throws: SlipwayError.self) { try await raw([], stays: true, limits: chosen) }
  }

  @Test func aPeerThatStopsInItsDataIsGivenUp() async throws {
    var limits = NBDLimits()
    limits.pace = .milliseconds(50)
    let (bytes, chosen) = (handshake() + write(4096) + [1, 2, 3], limits)
    await #expect(throws: SlipwayError.self) { try await raw(bytes, stays: true, limits: chosen) }
  }

  @Test func aPeerThatAsksForNothingIsGivenUp() async throws {
    var limits = NBDLimits()
    limits.idle = .milliseconds(50)
    let (bytes, chosen) = (handshake(), limits)
    do {
      try await raw(bytes, stays: true, limits: chosen)
      Issue.record("it was waited for")
    } catch let error as SlipwayError {
      #expect(error.code == .timeout)
    }
  }

  @Test func cancellingEndsAServerThatWaits() async throws {
    let (ours, theirs) = try NBDSocket.pair()
    let server = NBDServer(NBDExport(size: 512), on: ours, budget: ByteBudget(capacity: 1 << 20))
    let serving = Task { try await server.run() }
    serving.cancel()
    await #expect(throws: CancellationError.self) { try await serving.value }
    close(theirs)
  }

  @Test func cancellingEndsAServerThatReads() async throws {
    let gate = Handoff<Void>()
    let export = MemoryExport([UInt8](repeating: 1, count: 8192), gate: gate)
    let activity = NBDActivity()
    let (ours, theirs) = try NBDSocket.pair()
    let server = NBDServer(NBDExport(size: 8192, reading: export), on: ours, budget: ByteBudget(capacity: 1 << 20), activity: activity)
    let serving = Task { try await server.run() }
    let client = try await NBDClient.connect(NBDSocket(taking: theirs))
    let reading = Task { try await client.read(at: 0, length: 8192, into: Buffer(capacity: 8192)) }
    while activity.idle > .zero { await Task.yield() }
    serving.cancel()
    gate.fulfill(.failure(CancellationError()))
    await #expect(throws: CancellationError.self) { try await serving.value }
    await #expect(throws: SlipwayError.self) { try await reading.value }
    await client.close()
  }

  @Test func aServerThatGoesEndsEveryRequest() async throws {
    let gate = Handoff<Void>()
    let export = MemoryExport([UInt8](repeating: 1, count: 8192), gate: gate)
    let (ours, theirs) = try NBDSocket.pair()
    let server = NBDServer(NBDExport(size: 8192, reading: export), on: ours, budget: ByteBudget(capacity: 1 << 20))
    let serving = Task { try await server.run() }
    let client = try await NBDClient.connect(NBDSocket(taking: theirs))
    let reading = Task { try await client.read(at: 0, length: 8192, into: Buffer(capacity: 8192)) }
    ours.shutDown()
    await #expect(throws: SlipwayError.self) { try await reading.value }
    gate.fulfill(.success(()))
    _ = await serving.result
    await client.close()
  }
}
