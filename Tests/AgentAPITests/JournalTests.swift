import AgentAPI
import Foundation
import Runtime
import Testing
import Wire

/// What is left for the next daemon.
@Suite struct JournalTests {
  @Test("a fetch that a daemon's end cuts off is left for the next one, without a token, and goes on there under its id")
  func handsOver() async throws {
    let kept = Locked<[UInt8]?>(nil)
    let journal = Journal { bytes in kept.with { $0 = bytes } }
    let bed = Bed(journal: journal)
    bed.engine.close()
    let id = try await bed.ask("POST", "/v1/fetches", #"{"image":"i","deadline":9000}"#).operation().id
    _ = await bed.ask("POST", "/v1/fetches", #"{"image":"secret"}"#, headers: ["x-auth-token": "hush"])
    _ = await bed.ask("POST", "/v1/disks", #"{"name":"d","image":"i"}"#)
    try await bed.until("it is written while it runs, for a daemon that is killed") { kept.with { $0 } != nil }
    await bed.operations.finish(within: .milliseconds(20))
    let bytes = try #require(kept.with { $0 })
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(!text.contains("hush") && !text.contains("secret"))
    let left = Journal.entries(bytes)
    #expect(left.map(\.id) == [id])
    #expect(left.first?.fetch?.image == "i")
    #expect(left.first?.fetch?.deadline == nil)
  }

  @Test("what has ended is left to nobody")
  func forgets() async throws {
    let kept = Locked<[UInt8]?>(nil)
    let bed = Bed(journal: Journal { bytes in kept.with { $0 = bytes } })
    bed.engine.close()
    let id = try await bed.ask("POST", "/v1/prewarm-jobs", #"{"images":["i"]}"#).operation().id
    try await bed.until("it is written") { kept.with { $0 } != nil }
    bed.engine.open()
    #expect(try await bed.ask("GET", "/v1/operations/\(id)?wait=60s").operation().state == .done)
    #expect(kept.with { $0 } == nil)
  }

  @Test("what cannot be read is nothing")
  func readsNonsense() {
    #expect(Journal.entries(nil).isEmpty)
    #expect(Journal.entries(Array("{".utf8)).isEmpty)
    #expect(Journal.entries(Array(#"{"version":2,"entries":[]}"#.utf8)).isEmpty)
  }
}
