import Foundation
import ImageStore
import Libvirt
import Logging
import Model
import Runtime
import Testing

@testable import Agent

/// When libvirt's pool is told of bases, in libvirt's test driver.
@Suite(.timeLimit(.minutes(1))) struct StoreReporterTests {
  let path = NSTemporaryDirectory() + "slipway-reporter-" + UUID().uuidString
  let name = "reporter-\(UInt32.random(in: 0..<UInt32.max))"
  let workers = WorkerPool(name: "reporter", threads: 2)

  private func refreshes(_ uri: String = "test:///default", _ body: (StoreReporter, Store) async throws -> Void) async throws -> Int {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let store = try await Store.open(path: path, create: true, pool: workers)
    let client = LibvirtClient(LibvirtOptions(uri: uri))
    let heard = Locked(0)
    let name = name
    let subscription = client.listen { event in
      if case .poolRefreshed(let subject) = event, subject.name == name { heard.with { $0 += 1 } }
    }
    let context = RequestContext(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let reporter = StoreReporter(store, client, pool: name, context)
    try await body(reporter, store)
    await reporter.flush()
    // Events come after the call that caused them.
    for _ in 0..<20 where heard.with({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(10)) }
    let count = heard.with { $0 }
    subscription.cancel()
    _ = try? await client.call("remove") { libvirt in
      guard let pool = try libvirt.pool(named: name) else { return }
      if try pool.isActive() { try pool.stop() }
      try pool.undefine()
    }
    await client.close()
    await store.close()
    return count
  }

  @Test func aBurstIsOneRefresh() async throws {
    let count = try await refreshes { reporter, _ in
      // Defines and starts it.
      reporter.note()
      await reporter.flush()
      for _ in 0..<50 { reporter.note() }
    }
    #expect(count == 1)
  }

  @Test func withoutAChangeNothingIsTold() async throws {
    let count = try await refreshes { _, _ in }
    #expect(count == 0)
  }

  @Test func whatAnotherProcessToldSinceIsNotToldAgain() async throws {
    let count = try await refreshes { reporter, store in
      let told = try await store.reportOnce(changed: Store.moment(), deadline: .never) {}
      #expect(told)
      // A change before that report began, and one after it.
      let old = try await store.reportOnce(changed: Store.moment() - 60_000_000_000, deadline: .never) { Issue.record("told again") }
      #expect(!old)
      let new = try await store.reportOnce(changed: Store.moment(), deadline: .never) {}
      #expect(new)
    }
    #expect(count == 0)
  }

  @Test func aLibvirtThatIsNotThereIsAWarning() async throws {
    _ = try await refreshes("qemu+unix:///system?socket=/nonexistent/socket") { reporter, _ in reporter.note() }
  }
}
