import Model
import Runtime
import Testing

@Suite(.timeLimit(.minutes(5))) struct DeadlineRaceTests {
  let late = SlipwayError(.timeout, "late")

  @Test func whatIsInTimeIsReturned() async throws {
    #expect(try await Deadline.after(.seconds(30)).race(orThrow: late) { 7 } == 7)
    #expect(try await Deadline.never.race(orThrow: late) { 7 } == 7)
  }

  @Test func itsErrorIsPassedOn() async {
    let error = await #expect(throws: SlipwayError.self) {
      try await Deadline.never.race(orThrow: late) { throw SlipwayError(.busy, "it") }
    }
    #expect(error?.code == .busy)
  }

  @Test func whatHangsAndHeedsNoCancellationIsLeftBehind() async {
    let gate = Handoff<Void>()
    let error = await #expect(throws: SlipwayError.self) {
      try await Deadline.after(.milliseconds(20)).race(orThrow: late) { try await gate.value() }
    }
    #expect(error?.code == .timeout)
    gate.fulfill(.success(()))
  }

  @Test func aCancelledCallerLeavesAndTheBodyIsCancelled() async throws {
    let (begun, ended) = (Handoff<Void>(), Handoff<Bool>())
    let caller = Task {
      try await Deadline.never.race(orThrow: SlipwayError(.timeout, "late")) {
        begun.fulfill(.success(()))
        try? await Deadline.never.sleep()
        ended.fulfill(.success(Task.isCancelled))
      }
    }
    try await begun.value()
    caller.cancel()
    let result = await caller.result
    #expect(throws: CancellationError.self) { try result.get() }
    #expect(try await ended.value())
  }

  @Test func aDeadlineInAThousandMillionYearsCanBeWaitedFor() async throws {
    let far = Deadline.after(.seconds(Int64(1) << 56))
    #expect(try await far.race(orThrow: late) { 7 } == 7)
    let sleeper = Task { try await far.sleep() }
    try await Task.sleep(for: .milliseconds(50))
    sleeper.cancel()
    let result = await sleeper.result
    #expect(throws: CancellationError.self) { try result.get() }
  }
}
