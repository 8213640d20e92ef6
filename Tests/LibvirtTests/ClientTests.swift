import Foundation
@testable import Libvirt
import Model
import Runtime
import Testing

@Suite("The way to libvirt", .timeLimit(.minutes(2)))
struct ClientTests {
  private func code(_ body: () async throws -> Void) async -> ErrorCode? {
    do {
      try await body()
      return nil
    } catch { return (error as? SlipwayError)?.code }
  }

  @Test("Calls go over one connection, which closes with the client")
  func calls() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let version = try await client.call("ask for the version") { try $0.version() }
    #expect(version.split(separator: ".").count == 3)
    let names = try await client.call("list domains") { try $0.domains().map(\.name) }
    #expect(names == ["test"])
    await client.close()
    #expect(await code { _ = try await client.call("ask") { try $0.version() } } == .internalError)
  }

  @Test("A libvirt that is not there is unavailable, and said to be absent")
  func absent() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "qemu+unix:///system?socket=/nonexistent/libvirt-sock"))
    do {
      _ = try await client.call("ask") { try $0.version() }
      Issue.record("nothing was there to answer")
    } catch let error as SlipwayError {
      #expect(error.code == .libvirtUnavailable && error.isLibvirtAbsent)
      #expect(error.hint?.contains("libvirt.uri") == true)
      #expect(error.libvirt?.call == "virConnectOpen")
    }
    await client.close()
  }

  @Test("After a failure nothing is tried until the backoff is over, which grows and ends")
  func backoff() {
    let options = LibvirtOptions(uri: "x", firstBackoff: .milliseconds(100), longestBackoff: .seconds(1))
    #expect((0...6).map { options.backoff(after: $0) } == [0, 100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
  }

  @Test("An unknown driver is an error, not a hang")
  func unknown() async {
    let client = LibvirtClient(LibvirtOptions(uri: "nonsense:///"))
    #expect(await code { _ = try await client.call("ask") { try $0.version() } } == .libvirtUnavailable)
    await client.close()
  }

  @Test("A call that hangs is given up on; the next goes over a new connection")
  func hanging() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let gate = Gate()
    // On a busy machine it may be late before it has begun, and then hangs nowhere.
    for _ in 0..<400 where client.abandonedCalls == 0 {
      let late = await code {
        try await client.call("hang", timeout: .milliseconds(50)) { _ in gate.wait() }
      }
      #expect(late == .libvirtUnavailable)
    }
    #expect(client.abandonedCalls == 1)
    let names = try await client.call("list domains") { try $0.domains().map(\.name) }
    #expect(names == ["test"])
    gate.open()
    #expect(await eventually { client.abandonedCalls == 0 })
    await client.close()
  }

  @Test("A caller that is cancelled leaves at once, and its call is given up on")
  func cancelled() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let gate = Gate()
    let task = Task { try await client.call("hang") { _ in gate.wait() } }
    #expect(await eventually { gate.isAwaited })
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(client.abandonedCalls == 1)
    gate.open()
    #expect(await eventually { client.abandonedCalls == 0 })
    await client.close()
  }

  @Test("No more than 16 calls hang; then calls are refused until one comes back")
  func bounded() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let gate = Gate()
    // On a busy machine one may be late before it has begun, and then hangs nowhere.
    for _ in 0..<400 where client.abandonedCalls < 16 {
      _ = await code { try await client.call("hang", timeout: .milliseconds(50)) { _ in gate.wait() } }
    }
    try #require(client.abandonedCalls == 16)
    #expect(await code { _ = try await client.call("ask") { try $0.version() } } == .libvirtUnavailable)
    gate.open()
    #expect(await eventually { client.abandonedCalls == 0 })
    // The refusal counted as a failure to connect: the next attempt waits for its backoff.
    let answers = await eventually { (try? await client.call("ask") { try $0.version() }) != nil }
    #expect(answers)
    await client.close()
  }

  @Test("Keys and passwords in what libvirt says are left out")
  func redaction() {
    let text = "Could not open 'rbd:vms/x:id=a:key=AQB12==:mon_host=h': password=secret, KEY=x"
    let shown = LibvirtFailure.redacted(text)
    #expect(!shown.contains("AQB12") && !shown.contains("=secret") && !shown.contains("=x"))
    #expect(shown.contains("id=a") && shown.contains("mon_host=h"))
  }
}

/// Holds threads until it is opened.
final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var isAwaited = false
  }
  private let state = Locked(State())
  var isAwaited: Bool { state.with { $0.isAwaited } }
  func wait() {
    while !state.with({ state -> Bool in
      state.isAwaited = true
      return state.isOpen
    }) { usleep(5000) }
  }
  func open() { state.with { $0.isOpen = true } }
}
