import Foundation
import Runtime
import Testing

@Suite struct ProcessOwnerNamespaceTests {
  @Test func aProcessOfAnotherPidNamespaceCannotBeJudged() {
    // A container on this machine has our boot id, and its processes have no entry under our /proc.
    var owner = ProcessOwner.current
    owner.pidNamespace = 1
    owner.pid = .max
    #expect(owner.liveness == .elsewhere)
    owner.pidNamespace = ProcessOwner.current.pidNamespace
    #expect(owner.liveness == .gone)
  }

  @Test func anOwnerRecordedWithoutANamespaceIsRead() throws {
    let text = #"{"host":"h","boot":"b","pid":1,"started":1}"#
    let owner = try JSONDecoder().decode(ProcessOwner.self, from: Data(text.utf8))
    #expect(owner.pidNamespace == nil)
  }
}
