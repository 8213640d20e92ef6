import Runtime
import Testing

/// Lets few tests of all suites run at once: each starts programs, the services are on this machine too, and what a crowd slows down says
/// nothing of what is tested.
struct AtATime: TestTrait, SuiteTrait, TestScoping {
  private actor Gate {
    private var free = 8
    private var waiting: [Handoff<Void>] = []

    func enter() async throws {
      if free > 0 {
        free -= 1
        return
      }
      let turn = Handoff<Void>()
      waiting.append(turn)
      try await turn.value()
    }

    func leave() {
      if waiting.isEmpty { free += 1 } else { waiting.removeFirst().fulfill(.success(())) }
    }
  }
  private static let gate = Gate()

  var isRecursive: Bool { true }

  func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? { testCase == nil ? nil : self }

  func provideScope(for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void) async throws {
    try await Self.gate.enter()
    do {
      try await body()
    } catch {
      await Self.gate.leave()
      throw error
    }
    await Self.gate.leave()
  }
}

extension Trait where Self == AtATime {
  /// Few tests at a time.
  static var fewAtATime: Self { AtATime() }
}
