import Foundation
import Model
import Testing

@testable import PoolStore

@Suite struct PoolBaseNameTests {
  let hash = String(repeating: "0f", count: 20)

  @Test("a base's image has a name that no disk can have")
  func reserved() throws {
    let name = try #require(PoolBaseName(hash: hash))
    #expect(PoolBaseName(image: name.image) == name)
    #expect(throws: SlipwayError.self) { try DiskName(name.image) }
  }

  @Test("names of others are no bases", arguments: ["", "slipway.base.", "slipway.base.xyz", "vm1", "slipway.disk.a"])
  func others(_ image: String) {
    #expect(PoolBaseName(image: image) == nil)
  }

  @Test("a claim's object is no base's image")
  func claims() throws {
    #expect(PoolBaseName(image: try #require(PoolBaseName(hash: hash)).claim) == nil)
  }

  @Test("upper case is another text, and no name")
  func upperCase() {
    #expect(PoolBaseName(hash: hash.uppercased()) == nil)
  }
}

@Suite struct PoolBaseRecordTests {
  private func record() throws -> PoolBaseRecord {
    PoolBaseRecord(
      name: try #require(PoolBaseName(hash: String(repeating: "a", count: 40))), sourceFormat: "qcow2", owner: "p", image: nil,
      imageName: "n", virtualSize: ByteCount(1 << 30), source: "rbd://x", route: .export,
      evidence: Evidence(
        verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(5), inspectedFormat: "qcow2",
        verifiedAt: "now"),
      tally: ByteTally(virtual: 1 << 30), created: 5)
  }

  @Test("a record reads back as it was written")
  func coding() throws {
    let record = try record()
    #expect(try PoolStore.record(try PoolStore.encode(record), at: "p/i") == record)
  }

  @Test("a record of a newer version is left alone, and what is none is none")
  func versions() throws {
    var newer = try record()
    newer.version = PoolBaseRecord.currentVersion + 1
    let text = try PoolStore.encode(newer)
    let error = #expect(throws: SlipwayError.self) { try PoolStore.record(text, at: "p/i") }
    #expect(error?.code == .notOurs)
    #expect(try PoolStore.record("{}", at: "p/i") == nil)
    #expect(try PoolStore.record("no", at: "p/i") == nil)
  }
}
