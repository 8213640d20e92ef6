import Foundation
import Model
import TestSupport
import Testing

@testable import ImageStore

/// What lies beside a base, with seeded damage: a damaged record is never taken for another, and never ends the process.
@Suite(.timeLimit(.minutes(3))) struct RecordDamageTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: "\(scratch.storePath)/\(name)"))) }
  private func write(_ bytes: [UInt8], _ name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(scratch.storePath)/\(name)"))
  }

  @Test func damagedEvidenceIsAboutThisBaseOrNone() async throws {
    let store = try await scratch.open()
    let identity = try identity()
    try await store.put(as: identity, context: scratch.context)
    let sidecar = "meta/\(identity.name).json"
    let good = try bytes(sidecar)
    var random = SplitMix64(seed: 3)
    var (ready, damaged) = (0, 0)
    for round in 0..<300 {
      try write(good.damaged(by: Array("-1.5e99,null,true,[],{}\"\"9223372036854775808".utf8), using: &random), sidecar)
      switch try await store.state(of: identity.name) {
      case .ready(let record):
        ready += 1
        #expect(record.identity.name == identity.name, "round \(round)")
        #expect(record.fileSize == ByteCount(4), "round \(round)")
        // What is listed and looked up is made of it, too.
        _ = try? await store.lookup(identity)
        _ = try await store.list()
      case .damaged, .newer: damaged += 1
      case .absent, .foreign, .unknown: Issue.record("round \(round): neither ready nor damaged")
      }
    }
    #expect(ready > 3 && damaged > 10, "\(ready) ready, \(damaged) damaged")
    await store.close()
  }

  @Test func aStoreOpensWhateverItsRecordsSay() async throws {
    var random = SplitMix64(seed: 5)
    let identity = try identity()
    var store = try await scratch.open()
    try await store.put(as: identity, context: scratch.context)
    try await store.pin(identity.name, note: "kept")
    let names = scratch.names("meta").map { "meta/\($0)" }
    let good = try names.map { try bytes($0) }
    #expect(names.count > 1)
    for round in 0..<40 {
      for (name, content) in zip(names, good) { try write(content.damaged(using: &random), name) }
      await store.close()
      // Without its catalog the directory is read again.
      for name in scratch.names("") where name.hasPrefix("catalog.sqlite") {
        try FileManager.default.removeItem(atPath: "\(scratch.storePath)/\(name)")
      }
      store = try await scratch.open()
      #expect(try await store.list().map(\.name) == [identity.name.text], "round \(round)")
      // A pin that cannot be read holds; one whose expiry was damaged may have passed.
      _ = try await store.pin(of: identity.name)
      #expect(scratch.names("bases") == [identity.name.text], "round \(round)")
    }
    await store.close()
  }

  @Test func damagedEvidenceOfASnapshotIsThatSnapshotsOrNone() async throws {
    let store = try await scratch.open()
    let ids = "fsid/7/abc/9"
    let evidence = try record(try identity()).evidence
    try await store.keep(evidence, ofSnapshot: ids)
    let file = try #require(scratch.names("meta").first { $0.hasPrefix("snapshot-") })
    let good = try bytes("meta/\(file)")
    var random = SplitMix64(seed: 9)
    for _ in 0..<200 {
      try write(good.damaged(using: &random), "meta/\(file)")
      _ = try await store.evidence(ofSnapshot: ids)
    }
    // Another snapshot's, under this one's name.
    try await store.keep(evidence, ofSnapshot: "fsid/7/abc/10")
    let other = try #require(scratch.names("meta").first { $0.hasPrefix("snapshot-") && $0 != file })
    try write(try bytes("meta/\(other)"), "meta/\(file)")
    #expect(try await store.evidence(ofSnapshot: ids) == nil)
    await store.close()
  }
}
