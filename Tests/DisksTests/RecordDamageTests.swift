import Foundation
import Logging
import Model
import Runtime
import TestSupport
import Testing

@testable import Disks

/// Records of disks with seeded damage: what is asked about one disk is never answered about another, and never done to another.
@Suite(.timeLimit(.minutes(2))) struct RecordDamageTests {
  let path = NSTemporaryDirectory() + "slipway-disks-" + UUID().uuidString
  let workers = WorkerPool(name: "disks", threads: 2)
  let context = RequestContext(logger: Logger(label: "test"), deadline: .after(.seconds(60)))

  private func record(_ name: String) throws -> DiskRecord {
    DiskRecord(
      name: try DiskName(name), request: DiskRequest(image: "i", target: .qcow2, size: ByteCount(1 << 20)), route: .file, source: nil,
      base: "/b.raw", created: "2026-01-01T00:00:00Z")
  }

  @Test func aDamagedRecordIsThisDisksOrAnError() async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let disks = try await FileDisks.open(path, workers: workers)
    for name in ["a", "b"] {
      _ = try await disks.makeOverlay(record(name), basePath: "/b.raw", baseFormat: "raw", context: context)
    }
    let place = URL(fileURLWithPath: path + "/.slipway/a.json")
    let good = [UInt8](try Data(contentsOf: place))
    var random = SplitMix64(seed: 21)
    var (shown, refused) = (0, 0)
    for round in 0..<300 {
      try Data(good.damaged(by: Array("\"b\",-1,1e30,null,[{\"../x".utf8), using: &random)).write(to: place)
      do {
        let info = try await disks.show(DiskName("a"))
        shown += 1
        #expect(info.record.name.text == "a", "round \(round)")
      } catch let error as SlipwayError {
        refused += 1
        #expect([.notOurs, .diskNotFound].contains(error.code), "round \(round): \(error.message)")
      }
    }
    #expect(shown > 3 && refused > 10, "\(shown) shown, \(refused) refused")
    await disks.close()
  }

  @Test func aRecordOfAnotherDiskIsNotThisDisks() async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let disks = try await FileDisks.open(path, workers: workers)
    for name in ["a", "b"] {
      _ = try await disks.makeOverlay(record(name), basePath: "/b.raw", baseFormat: "raw", context: context)
    }
    try FileManager.default.removeItem(atPath: path + "/.slipway/a.json")
    try FileManager.default.copyItem(atPath: path + "/.slipway/b.json", toPath: path + "/.slipway/a.json")
    let error = await #expect(throws: SlipwayError.self) { _ = try await disks.show(DiskName("a")) }
    #expect(error?.code == .notOurs)
    await #expect(throws: SlipwayError.self) { _ = try await disks.delete(DiskName("a"), context: context) }
    #expect(FileManager.default.fileExists(atPath: path + "/b.qcow2"))
    #expect(try await disks.show(DiskName("b")).state == .ready)
    await disks.close()
  }
}
