import Runtime
import Testing

@Suite struct ProcessOwnerTests {
  @Test func thisProcessIsAlive() { #expect(ProcessOwner.current.liveness == .alive) }

  @Test func aPidGivenAgainIsAnotherProcess() {
    var owner = ProcessOwner.current
    owner.started += 1
    #expect(owner.liveness == .gone)
  }

  @Test func anEarlierBootOfThisHostIsGone() {
    var owner = ProcessOwner.current
    owner.boot = "00000000-0000-0000-0000-000000000000"
    #expect(owner.liveness == .gone)
    owner.host = "elsewhere.example"
    #expect(owner.liveness == .elsewhere)
  }
}
