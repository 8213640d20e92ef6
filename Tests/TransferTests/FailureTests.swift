import Model
import Runtime
import TestSupport
import Testing
import Transfer

@Suite("A transfer that fails says why, stops, and gives its memory back", .timeLimit(.minutes(5)))
struct FailureTests {
  let image = SparseRandomImage(runs: [.init(0..<(2 << 20), .random)])

  @Test("a read that fails once is tried again", arguments: [ErrorCode.sourceFailed, .timeout, .clusterUnreachable])
  func failsOnce(code: ErrorCode) async throws {
    let setting = Setting()
    let source = FaultySource(image, .fail(5, times: 1, code: code))
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.run(source, to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
    #expect(source.attempts(of: 5) == 2)
  }

  @Test("a short read is tried again")
  func short() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.run(FaultySource(image, .short(3, times: 2)), to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("a read that always fails is reported after the allowed attempts")
  func failsAlways() async throws {
    let setting = Setting()
    let source = FaultySource(image, .fail(5, times: .max, code: .sourceFailed))
    let sink = MemorySink()
    #expect(await setting.failure(of: sink) { try await setting.run(source, to: sink, Recorder()) } == .sourceFailed)
    #expect(source.attempts(of: 5) == 1 + setting.options.retries)
  }

  @Test("a read that is refused is not tried again", arguments: [ErrorCode.permissionDenied, .sourceNotFound, .internalError])
  func refused(code: ErrorCode) async throws {
    let setting = Setting()
    let source = FaultySource(image, .fail(2, times: .max, code: code))
    let sink = MemorySink()
    #expect(await setting.failure(of: sink) { try await setting.run(source, to: sink) } == code)
    #expect(source.attempts(of: 2) == 1)
  }

  @Test("a read that gave up and writes late spoils nothing", arguments: 0..<4)
  func late(number: Int) async throws {
    let setting = Setting()
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.run(FaultySource(image, .late(number)), to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("extents that fail once are asked again")
  func extentsOnce() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let recorder = Recorder()
    let tally = try await setting.run(FaultySource(image, .failExtents(times: 2, code: .timeout)), to: sink, recorder)
    setting.expectWhole(image, in: sink, seenBy: recorder, tally)
  }

  @Test("extents that always fail are reported")
  func extentsAlways() async throws {
    let setting = Setting()
    let source = FaultySource(image, .failExtents(times: .max, code: .clusterUnreachable))
    let sink = MemorySink()
    #expect(await setting.failure(of: sink) { try await setting.run(source, to: sink) } == .clusterUnreachable)
    #expect(source.extentAttempts == 1 + setting.options.retries)
  }

  @Test("extents beyond the size are a lie about the size")
  func tooFar() async throws {
    let setting = Setting()
    let sink = MemorySink()
    #expect(await setting.failure(of: sink) { try await setting.run(FaultySource(image, .tooFar(1)), to: sink) } == .sizeMismatch)
  }

  @Test("a source that claims more than it has fails", arguments: [1, 65536, 10 << 20])
  func claimsMore(more: Int64) async throws {
    let setting = Setting()
    let sink = MemorySink()
    let source = FaultySource(image, size: image.size + more)
    #expect(await setting.failure(of: sink) { try await setting.run(source, to: sink) } == .sourceFailed)
  }

  @Test("a stream that is shorter than announced is refused")
  func shortStream() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let source = StreamSource(image, size: image.size, fault: .end(at: 1_000_000))
    #expect(await setting.failure(of: sink) { try await setting.stream(source, to: sink, Recorder()) } == .sizeMismatch)
  }

  @Test("a stream that is longer than announced is refused", arguments: [0, 1, 1 << 20])
  func longStream(size: Int64) async throws {
    let setting = Setting()
    let sink = MemorySink()
    #expect(await setting.failure(of: sink) { try await setting.stream(StreamSource(image, size: size), to: sink) } == .sizeMismatch)
  }

  @Test("a stream that breaks is reported with its own code")
  func brokenStream() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let source = StreamSource(image, size: nil, fault: .fail(at: 700_000, code: .imageServiceUnavailable))
    #expect(await setting.failure(of: sink) { try await setting.stream(source, to: sink) } == .imageServiceUnavailable)
  }

  @Test("a full disk ends the transfer with that code", arguments: [0, 7, 15])
  func noSpace(number: Int) async throws {
    let setting = Setting()
    let sink = MemorySink(failing: (number, .noSpace))
    #expect(await setting.failure(of: sink) { try await setting.run(image, to: sink, Recorder()) } == .noSpace)
  }

  @Test("a full disk beneath a blocking sink, while reads hang")
  func noSpaceBlocking() async throws {
    let setting = Setting()
    let sink = MemorySink(failing: (2, .noSpace))
    let face = BlockingMemorySink(sink, workers: setting.workers)
    #expect(await setting.failure(of: sink) { try await setting.run(FaultySource(image, .hang(6)), to: face) } == .noSpace)
  }

  @Test("an observer that refuses ends the transfer, although a read hangs", arguments: [1, 500_000])
  func observer(at: Int64) async throws {
    let setting = Setting()
    let sink = MemorySink()
    let refusing = Recorder(failing: (at, .formatRefused))
    let source = FaultySource(image, .hang(12))
    #expect(await setting.failure(of: sink) { try await setting.run(source, to: sink, Recorder(), refusing) } == .formatRefused)
    #expect(refusing.count < at + 200_000)
  }

  @Test("an observer that refuses the very last byte still prevents the end")
  func lastByte() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let refusing = Recorder(pause: .milliseconds(2), failing: (image.size, .digestMismatch))
    #expect(await setting.failure(of: sink) { try await setting.run(image, to: sink, refusing) } == .digestMismatch)
  }

  @Test("an observer that refuses a stream")
  func observerOfStream() async throws {
    let setting = Setting()
    let sink = MemorySink()
    let source = StreamSource(image, size: nil, fault: .hang(at: 1 << 20))
    #expect(
      await setting.failure(of: sink) { try await setting.stream(source, to: sink, Recorder(failing: (9, .formatRefused))) }
        == .formatRefused)
  }

  @Test("a granularity that is no power of two is refused")
  func granularity() async throws {
    let setting = Setting()
    let sink = MemorySink(granularity: 1000)
    #expect(await setting.failure(of: sink) { try await setting.run(image, to: sink) } == .internalError)
  }
}
