import FaultServer
import Model
import Runtime
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct DoctorTests {
  @Test func oneThatHangsHidesNoneOfTheOthers() async throws {
    let bed = try Bed()
    bed.hangs.with { $0 = true }
    try await bed.withAgent { agent in
      var context = bed.context
      context.deadline = .after(.seconds(15))
      let found = await agent.diagnose(context: context)
      let statuses = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.status) })
      #expect(statuses == ["store": .ok, "disks directory": .ok, "ceph": .warning, "image service": .failed])
    }
  }
}
