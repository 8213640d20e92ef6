import Logging
import Model
import Runtime
import TestSupport
import Testing
import Transfer

/// What every test of the engine needs around it.
struct Setting {
  var options = TransferOptions()
  var budget = ByteBudget(capacity: 4 << 20)
  let workers = WorkerPool(name: "test-worker", threads: 2)
  var context = RequestContext(logger: Logger(label: "test"))

  init(chunk: Int = 128 << 10, budget: Int = 4 << 20) {
    options.chunk = chunk
    options.backoff = .milliseconds(1)
    self.budget = ByteBudget(capacity: budget)
  }

  func run(_ source: any RandomAccessSource, to sink: any Sink, _ observers: any Observer...) async throws -> ByteTally {
    try await Transfer.run(
      from: source, to: sink, observers: observers, options: options, budget: budget, workers: workers, context: context)
  }

  func stream(_ source: any SequentialSource, to sink: any Sink, _ observers: any Observer...) async throws -> ByteTally {
    try await Transfer.run(
      from: source, to: sink, observers: observers, options: options, budget: budget, workers: workers, context: context)
  }

  /// The code with which `body` fails; nil when it does not. Afterwards the budget is whole and nothing was finished.
  func failure(of sink: MemorySink, _ body: () async throws -> ByteTally) async -> ErrorCode? {
    do {
      _ = try await body()
      return nil
    } catch {
      #expect(budget.available == budget.capacity)
      #expect(sink.finished == nil)
      #expect(sink.complaints == [])
      return SlipwayError.wrap(error).code
    }
  }

  /// Every judge's verdict on a transfer that went well.
  func expectWhole(_ image: SparseRandomImage, in sink: MemorySink, seenBy recorder: Recorder, _ tally: ByteTally) {
    let expected = image.bytes()
    #expect(sink.finished == image.size)
    #expect(sink.complaints == [])
    #expect(Bytes.firstDifference(sink.bytes, expected) == nil)
    #expect(Bytes.firstDifference(recorder.bytes, expected) == nil)
    #expect(budget.available == budget.capacity)
    #expect(tally.virtual == image.size)
    #expect(tally.written + tally.holes == image.size)
    #expect(tally.written == sink.writes.reduce(0) { $0 + $1.upperBound - $1.lowerBound })
  }
}
