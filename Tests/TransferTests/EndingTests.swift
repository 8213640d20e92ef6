import Model
import Runtime
import TestSupport
import Testing
import Transfer

@Suite("Cancellation and deadlines end a transfer, whatever it waits for", .timeLimit(.minutes(5)))
struct EndingTests {
  static let image = SparseRandomImage(runs: [.init(0..<(2 << 20), .random)])

  enum Hang: CaseIterable {
    case read, extents, stream, budget
  }

  /// Runs a transfer that hangs in `place`.
  func hang(_ place: Hang, _ setting: Setting, _ sink: MemorySink) async throws -> ByteTally {
    let image = EndingTests.image
    switch place {
    case .read: return try await setting.run(FaultySource(image, .hang(3)), to: sink, Recorder())
    case .extents: return try await setting.run(FaultySource(image, .hangExtents), to: sink, Recorder())
    case .stream: return try await setting.stream(StreamSource(image, size: nil, fault: .hang(at: 99_999)), to: sink, Recorder())
    case .budget:
      // Somebody else holds it all.
      try await setting.budget.take(setting.budget.capacity)
      defer { setting.budget.give(setting.budget.capacity) }
      return try await setting.run(image, to: sink, Recorder())
    }
  }

  @Test("cancelled", arguments: Hang.allCases)
  func cancelled(place: Hang) async throws {
    let setting = Setting()
    let sink = MemorySink()
    let task = Task { await setting.failure(of: sink) { try await hang(place, setting, sink) } }
    try await Task.sleep(for: .milliseconds(20))
    task.cancel()
    #expect(await task.value == .cancelled)
  }

  @Test("deadline", arguments: Hang.allCases)
  func deadline(place: Hang) async throws {
    var late = Setting()
    late.context.deadline = .after(.milliseconds(30))
    let setting = late
    let sink = MemorySink()
    let code = await setting.failure(of: sink) { try await hang(place, setting, sink) }
    #expect(code == .timeout)
  }

  @Test("cancelled before it began: nothing is read")
  func before() async throws {
    let setting = Setting()
    let source = FaultySource(EndingTests.image)
    let sink = MemorySink()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await setting.failure(of: sink) { try await setting.run(source, to: sink) }
    }
    #expect(await task.value == .cancelled)
    #expect(source.extentAttempts == 0)
  }

  @Test("cancelled at any moment, everything is given back", arguments: 0..<20)
  func anyMoment(step: Int) async throws {
    let setting = Setting(chunk: 16 << 10, budget: 200 << 10)
    let sink = MemorySink(granularity: 4096, delay: .milliseconds(1))
    let source = FaultySource(EndingTests.image, .delay(upTo: .milliseconds(1)))
    let task = Task { await setting.failure(of: sink) { try await setting.run(source, to: sink, Recorder(), Recorder()) } }
    try await Task.sleep(for: .milliseconds(step))
    task.cancel()
    let code = await task.value
    #expect(code == nil || code == .cancelled)
  }

  @Test("a read that hears nothing is left behind after the grace, and harms nobody when it ends")
  func deaf() async throws {
    var impatient = Setting()
    impatient.options.grace = .milliseconds(20)
    let setting = impatient
    let source = FaultySource(EndingTests.image, .deaf(3))
    let sink = MemorySink()
    let task = Task { try await setting.run(source, to: sink, Recorder()) }
    while source.attempts(of: 3) == 0 { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(setting.budget.available < setting.budget.capacity)
    let writes = sink.writes.count
    source.release()
    while setting.budget.available < setting.budget.capacity { try await Task.sleep(for: .milliseconds(1)) }
    #expect(sink.writes.count == writes)
    #expect(sink.finished == nil)
  }
}
