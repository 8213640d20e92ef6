import Files
import Foundation
import Logging
import Model
import Runtime
import Testing

@testable import Disks

@Suite(.timeLimit(.minutes(1))) struct FileDisksTests {
  let path = NSTemporaryDirectory() + "slipway-disks-" + UUID().uuidString
  let workers = WorkerPool(name: "disks", threads: 4)
  let context = RequestContext(logger: Logger(label: "test"), deadline: .after(.seconds(30)))

  func record(_ name: String, target: Target = .qcow2, size: Int64 = 1 << 20) throws -> DiskRecord {
    DiskRecord(
      name: try DiskName(name), request: DiskRequest(image: "i", target: target, size: ByteCount(size)), route: .file, source: nil,
      base: "/b.raw", created: "2026-01-01T00:00:00Z")
  }

  func entries() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != ".slipway" }.sorted() }

  func withDisks(_ body: (FileDisks) async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(try await FileDisks.open(path, workers: workers))
  }

  @Test func anOverlayIsMadeOnceListedAndDeleted() async throws {
    try await withDisks { disks in
      let first = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      #expect(first.1 == .created)
      let second = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      #expect(second.1 == .existing)
      let listed = try await disks.list().map(\.record.name.text)
      #expect(listed == ["a"])
      #expect(try entries() == ["a.qcow2"])
      let deleted = try await disks.delete(DiskName("a"), context: context)
      let again = try await disks.delete(DiskName("a"), context: context)
      #expect(deleted && !again)
      #expect(try entries() == [])
    }
  }

  @Test func anotherRequestForTheNameIsAConflict() async throws {
    try await withDisks { disks in
      _ = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await disks.makeOverlay(record("a", size: 2 << 20), basePath: "/b.raw", baseFormat: "raw", context: context)
      }
      #expect(error?.code == .nameConflict)
    }
  }

  @Test func aFileThatSomebodyHasOpenIsInUse() async throws {
    try await withDisks { disks in
      let made = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context).0
      let open = try File.open(made.path, under: nil)
      let error = await #expect(throws: SlipwayError.self) { _ = try await disks.delete(DiskName("a"), context: context) }
      #expect(error?.code == .inUse)
      #expect(try await disks.show(DiskName("a")).state == .ready)
      try open.close()
      #expect(try await disks.delete(DiskName("a"), context: context))
    }
  }

  @Test func aDeletionLeavesNoFileOfItsOwn() async throws {
    try await withDisks { disks in
      _ = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      _ = try await disks.delete(DiskName("a"), context: context)
      // A maker that was killed left its record half written.
      let hidden = try disks.directory.directory(".slipway")
      try hidden.openOrCreateFile("never.tmp").close()
      _ = try await disks.delete(DiskName("never"), context: context)
      let left = try disks.directory.directory(".slipway").names()
      #expect(left.isEmpty)
    }
  }

  @Test func makersAndDeletersOfOneNameDoNotMix() async throws {
    try await withDisks { disks in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<24 {
          group.addTask {
            if number.isMultiple(of: 2) {
              _ = try? await disks.makeOverlay(self.record("a"), basePath: "/b.raw", baseFormat: "raw", context: self.context)
            } else {
              _ = try await disks.delete(DiskName("a"), context: self.context)
            }
          }
        }
        try await group.waitForAll()
      }
      _ = try await disks.delete(DiskName("a"), context: context)
      #expect(try entries() == [])
    }
  }

  @Test func aFailedFillLeavesNothing() async throws {
    try await withDisks { disks in
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await disks.make(record("a", target: .raw), context: context) { _ in throw SlipwayError(.noSpace, "full") }
      }
      #expect(error?.code == .noSpace)
      #expect(try entries() == [])
      let left = try await disks.list()
      #expect(left.isEmpty)
    }
  }

  @Test func aFileOfSomebodyElseStays() async throws {
    try await withDisks { disks in
      try "theirs".write(toFile: path + "/a.raw", atomically: true, encoding: .utf8)
      let create = await #expect(throws: SlipwayError.self) {
        _ = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      }
      #expect(create?.code == .notOurs)
      let delete = await #expect(throws: SlipwayError.self) { _ = try await disks.delete(DiskName("a"), context: context) }
      #expect(delete?.code == .notOurs)
      #expect(try String(contentsOfFile: path + "/a.raw", encoding: .utf8) == "theirs")
    }
  }

  @Test func deletingCancelsTheMaking() async throws {
    try await withDisks { disks in
      let started = Locked(false)
      let making = Task {
        try await disks.make(record("a", target: .raw), context: context) { _ in
          started.with { $0 = true }
          try await Task.sleep(for: .seconds(60))
        }
      }
      while !started.with({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      _ = try await disks.delete(DiskName("a"), context: context)
      let error = await #expect(throws: SlipwayError.self) { _ = try await making.value }
      #expect(error?.code == .cancelled)
      #expect(try entries() == [])
    }
  }

  @Test func whatADeadMakerLeftIsMadeAgain() async throws {
    try await withDisks { disks in
      _ = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      var sidecar = try #require(try disks.sidecar(DiskName("a")))
      sidecar.state = .making
      try disks.write(sidecar)
      let again = try await disks.makeOverlay(record("a", size: 2 << 20), basePath: "/b.raw", baseFormat: "raw", context: context)
      #expect(again.1 == .created)
      #expect(again.0.size.bytes == 2 << 20)
    }
  }

  @Test func twoAtOnceMakeOne() async throws {
    try await withDisks { disks in
      async let a = disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      async let b = disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      let outcomes = Set([try await a.1, try await b.1])
      #expect(outcomes == [.created, .existing])
    }
  }

  @Test func aLockedFileIsInUse() async throws {
    try await withDisks { disks in
      _ = try await disks.makeOverlay(record("a"), basePath: "/b.raw", baseFormat: "raw", context: context)
      let file = try Directory.open(path).openFile("a.qcow2", .readWrite)
      #expect(try FileLock.lock(file))
      let error = await #expect(throws: SlipwayError.self) { _ = try await disks.delete(DiskName("a"), context: context) }
      #expect(error?.code == .inUse)
      try file.close()
      let deleted = try await disks.delete(DiskName("a"), context: context)
      #expect(deleted)
    }
  }
}
