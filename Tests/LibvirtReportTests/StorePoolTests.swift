import Libvirt
import LibvirtReport
import Model
import Testing

/// The pool over the store, in libvirt's test driver, which does not look at directories.
@Suite(.timeLimit(.minutes(1))) struct StorePoolTests {
  let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
  let name = "store-\(UInt32.random(in: 0..<UInt32.max))"
  var path: String { "/slipway-test/\(name)" }

  private func report(_ pool: StorePool) async throws -> (String, StorePool.Outcome) {
    try await client.call("report") { try pool.report($0) }
  }

  private func remove(_ names: String...) async throws {
    try await client.call("remove") { libvirt in
      for name in names {
        guard let pool = try libvirt.pool(named: name) else { continue }
        if try pool.isActive() { try pool.stop() }
        try pool.undefine()
      }
    }
    await client.close()
  }

  @Test func whereThereIsNoneItIsDefinedAndStartedThenRefreshed() async throws {
    let pool = StorePool(name: name, path: path)
    var answer = try await report(pool)
    #expect(answer.0 == name && answer.1 == .defined)
    answer = try await report(pool)
    #expect(answer.0 == name && answer.1 == .refreshed)
    try await remove(name)
  }

  @Test func oneThatWasStoppedIsStarted() async throws {
    let pool = StorePool(name: name, path: path)
    _ = try await report(pool)
    try await client.call("stop") { try $0.pool(named: pool.name)?.stop() }
    let answer = try await report(pool)
    #expect(answer.1 == .started)
    try await remove(name)
  }

  @Test func somebodyElsesOverTheSameDirectoryIsAdopted() async throws {
    let foreign = StorePool(name: "foreign-\(name)", path: path)
    _ = try await report(foreign)
    let answer = try await report(StorePool(name: name, path: path))
    #expect(answer.0 == foreign.name && answer.1 == .refreshed)
    // Also when it is stopped.
    try await client.call("stop") { try $0.pool(named: foreign.name)?.stop() }
    let again = try await report(StorePool(name: name, path: path))
    #expect(again.0 == foreign.name && again.1 == .started)
    let pool = name
    let own = try await client.call("look") { try $0.pool(named: pool) == nil }
    #expect(own)
    try await remove(foreign.name)
  }

  @Test func aPoolOfOurNameOverAnotherDirectoryIsAnError() async throws {
    _ = try await report(StorePool(name: name, path: path))
    let error = await #expect(throws: SlipwayError.self) { _ = try await report(StorePool(name: name, path: path + "/other")) }
    #expect(error?.code == .libvirtFailed && error?.hint?.contains("libvirt.pool") == true)
    try await remove(name)
  }
}
