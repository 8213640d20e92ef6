import Cleaner
import FaultServer
import Files
import Foundation
import ImageStore
import Model
import Runtime
import Testing

@testable import Agent

/// A cleaning from its rules to the file that is gone.
@Suite(.timeLimit(.minutes(1))) struct CleanTests {
  let bed: Bed
  init() throws { bed = try Bed() }

  /// Whatever nothing protects goes; and nothing is asked of the image service's truth but what a test says.
  static let strict = "clean: { unused_for: 0, min_age: 0, max_bytes: 1, min_free: 1% }"
  static let idle = "clean: { unused_for: 24h, min_age: 0, max_bytes: 0, min_free: 1% }"

  @Test func aBaseUnderWorkIsKeptAndTheNextCleaningHasIt() async throws {
    try await bed.withAgent(Self.strict) { agent in
      let base = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      let during = try await agent.leasing("disk d", bed.context) {
        base
      } _: { _ in
        try await agent.clean(dryRun: false, context: bed.context)
      }
      #expect(during.kept.map(\.reason) == [.leased])
      #expect(during.kept.first?.detail?.contains("disk d") == true)
      let after = try await agent.clean(dryRun: false, context: bed.context)
      #expect(after.evicted.map(\.rule) == [.overSize])
      #expect(bed.names("bases") == [] && bed.names("meta") == [] && bed.names("leases") == [])
    }
  }

  @Test func aBaseThatGoesBeforeItIsClaimedIsBroughtAgain() async throws {
    try await bed.withAgent(Self.strict) { agent in
      let brought = Locked(0)
      let path = try await agent.leasing("disk d", bed.context) {
        let base = try await agent.fetch(bed.request(), format: nil, context: bed.context)
        let count = brought.with { count in
          count += 1
          return count
        }
        if count == 1 { _ = try await agent.clean(dryRun: false, context: bed.context) }
        return base
      } _: {
        $0.path
      }
      #expect(brought.with { $0 } == 2)
      #expect(FileManager.default.fileExists(atPath: path))
    }
  }

  @Test func whoHoldsTheLockOfABaseKeepsIt() async throws {
    try await bed.withAgent(Self.strict) { agent in
      let base = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      let store = try await agent.store(bed.context)
      let lock = try await store.lock(base.record.name, context: bed.context)
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.leased])
      #expect(report.unmet == [.overSize])
      lock.release()
    }
  }

  @Test func aDeletedImagesBaseGoesAtOnceAndAnActiveOnesStays() async throws {
    try await bed.withAgent(Self.idle) { agent in
      _ = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      let before = try await agent.clean(dryRun: false, context: bed.context)
      #expect(before.kept.map(\.reason) == [.notNeeded])
      bed.image.with { $0 = nil }
      let after = try await agent.clean(dryRun: false, context: bed.context)
      #expect(after.evicted.map(\.rule) == [.imageGone])
      #expect(after.evicted.first?.detail?.hasSuffix("is deleted") == true)
    }
  }

  @Test(arguments: ["deactivated", "queued"]) func aStatusIsReadAsItIs(_ status: String) async throws {
    try await bed.withAgent(Self.idle) { agent in
      _ = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      bed.image.with { $0?.status = status }
      let report = try await agent.clean(dryRun: true, context: bed.context)
      #expect(report.evicted.map(\.rule) == (status == "deactivated" ? [.imageGone] : []))
    }
  }

  @Test func otherBytesUnderTheSameIDMakeTheBaseUseless() async throws {
    try await bed.withAgent(Self.idle) { agent in
      _ = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      bed.image.with { $0?.bytes = Bed.bytes(seed: 5) }
      let report = try await agent.clean(dryRun: true, context: bed.context)
      #expect(report.evicted.map(\.rule) == [.imageGone])
    }
  }

  @Test func anImageServiceThatIsDownRemovesNothingAndIsTold() async throws {
    try await bed.withAgent(Self.idle) { agent in
      _ = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      bed.isDown.with { $0 = true }
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.notNeeded])
      #expect(report.unasked?.contains("image service") == true)
    }
  }

  @Test func aStoreThatOthersShareIsLeftAlone() async throws {
    try await bed.withAgent(Self.strict) { agent in _ = try await agent.fetch(bed.request(), format: nil, context: bed.context) }
    try await bed.withAgent(Self.strict, shared: true) { agent in
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.blocked])
      #expect(report.barriers.map(\.reason) == [.sharedFileSystem])
      let purged = try await agent.purge(Bed.id?.text ?? "", context: bed.context)
      #expect(purged.kept.map(\.reason) == [.blocked])
    }
    #expect(bed.names("bases").count == 1)
  }

  @Test func whatCouldNotGoMakesTheNextGo() async throws {
    try await bed.withAgent("clean: { unused_for: 0, min_age: 0, max_bytes: 0, max_count: 1, min_free: 1% }") { agent in
      let first = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      bed.image.with { $0?.bytes = Bed.bytes(seed: 5) }
      // Last uses are whole seconds.
      try await Task.sleep(for: .milliseconds(1100))
      let second = try await agent.fetch(bed.request(), format: nil, context: bed.context)
      bed.isDown.with { $0 = true }
      // The first would go; somebody reads it.
      let file = try File.open(first.path, under: nil)
      let report = try await agent.clean(dryRun: false, context: bed.context)
      #expect(report.kept.map(\.reason) == [.inUse])
      #expect(report.evicted.map(\.base.path) == [second.path])
      #expect(report.unmet == [])
      try file.close()
    }
  }
}
