import Files
import Foundation
import Logging
import Model
import Runtime
import Testing

@testable import Disks

/// Disks in files that are made larger, or made to stand alone.
@Suite(.timeLimit(.minutes(1))) struct ChangeTests {
  let path = NSTemporaryDirectory() + "slipway-change-" + UUID().uuidString
  let workers = WorkerPool(name: "disks", threads: 4)
  let context = RequestContext(logger: Logger(label: "test"), deadline: .after(.seconds(30)))

  func record(_ name: String, target: Target = .qcow2, size: Int64 = 1 << 20) throws -> DiskRecord {
    DiskRecord(
      name: try DiskName(name), request: DiskRequest(image: "i", target: target, size: ByteCount(size)), route: .file, source: nil,
      base: "\(path)/base.raw", created: "2026-01-01T00:00:00Z")
  }

  func withDisks(_ body: (FileDisks) async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let disks = try await FileDisks.open(path, workers: workers)
    try Data(count: 4096).write(to: URL(fileURLWithPath: "\(path)/base.raw"))
    try await body(disks)
    await disks.close()
  }

  func overlay(_ disks: FileDisks, _ name: String) async throws -> DiskInfo {
    try await disks.makeOverlay(record(name), basePath: "\(path)/base.raw", baseFormat: "raw", context: context).0
  }

  @Test func anOverlayIsMadeLargerAndTheSameRequestStillAnswersIt() async throws {
    try await withDisks { disks in
      _ = try await overlay(disks, "a")
      let grown = try await disks.grow(DiskName("a"), to: ByteCount(20 << 30), context: context)
      #expect(grown.size.bytes == 20 << 30)
      let shown = try await disks.show(DiskName("a"))
      #expect(shown.size.bytes == 20 << 30)
      let again = try await disks.makeOverlay(record("a"), basePath: "\(path)/base.raw", baseFormat: "raw", context: context)
      #expect(again.1 == .existing && again.0.size.bytes == 20 << 30)
    }
  }

  @Test func aRawDiskIsMadeLarger() async throws {
    try await withDisks { disks in
      _ = try await disks.make(record("r", target: .raw), context: context) { try $0.truncate(to: 1 << 20) }
      let grown = try await disks.grow(DiskName("r"), to: ByteCount(3 << 20), context: context)
      #expect(grown.size.bytes == 3 << 20)
      #expect(try FileStatus.of(grown.path)?.size == 3 << 20)
    }
  }

  @Test func noneIsMadeSmaller() async throws {
    try await withDisks { disks in
      _ = try await overlay(disks, "a")
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await disks.grow(DiskName("a"), to: ByteCount(512), context: context)
      }
      #expect(error?.code == .sizeTooSmall)
      let same = try await disks.grow(DiskName("a"), to: ByteCount(1 << 20), context: context)
      #expect(same.size.bytes == 1 << 20)
    }
  }

  @Test func oneThatAProgramHasOpenIsInUse() async throws {
    try await withDisks { disks in
      let made = try await overlay(disks, "a")
      let open = try File.open(made.path, under: nil)
      let error = await #expect(throws: SlipwayError.self) {
        _ = try await disks.grow(DiskName("a"), to: ByteCount(2 << 20), context: context)
      }
      #expect(error?.code == .inUse)
      try open.close()
      _ = try await disks.grow(DiskName("a"), to: ByteCount(2 << 20), context: context)
    }
  }

  @Test func oneThatIsNotThereIsNotFound() async throws {
    try await withDisks { disks in
      let error = await #expect(throws: SlipwayError.self) { _ = try await disks.grow(DiskName("x"), to: ByteCount(1), context: context) }
      #expect(error?.code == .diskNotFound)
    }
  }

  @Test func theChainIsToldAsTheHeadersHaveIt() async throws {
    try await withDisks { disks in
      let lower = try await overlay(disks, "lower")
      let upper = try await disks.makeOverlay(record("upper"), basePath: lower.path, baseFormat: "qcow2", context: context).0
      let layers = try await disks.backing(of: upper)
      #expect(layers == [DiskLayer(path: lower.path, format: "qcow2"), DiskLayer(path: "\(path)/base.raw", format: "raw")])
      let raw = try await disks.make(record("r", target: .raw), context: context) { try $0.truncate(to: 1 << 20) }.0
      let none = try await disks.backing(of: raw)
      #expect(none == [])
    }
  }

  @Test func aChainWhoseFileIsGoneIsAnError() async throws {
    try await withDisks { disks in
      let made = try await disks.makeOverlay(record("a"), basePath: "\(path)/gone.qcow2", baseFormat: "qcow2", context: context).0
      let error = await #expect(throws: SlipwayError.self) { _ = try await disks.backing(of: made) }
      #expect(error?.code == .sourceNotFound)
    }
  }

  @Test func flatteningForgetsTheBaseAndIsDoneOnce() async throws {
    try await withDisks { disks in
      let made = try await overlay(disks, "a")
      let copied = Locked<[String]>([])
      let first = try await disks.flatten(DiskName("a"), context: context) { path in
        copied.with { $0.append(path) }
        // What qemu-img does, as far as the header goes: no backing file any more.
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: 8)
        try file.write(contentsOf: Data(count: 12))
        try file.close()
      }
      #expect(first && copied.with { $0 } == [made.path])
      let shown = try await disks.show(DiskName("a"))
      #expect(shown.record.base == nil)
      let second = try await disks.flatten(DiskName("a"), context: context) { _ in Issue.record("copied again") }
      #expect(!second)
    }
  }

  @Test func aFailedFlatteningKeepsTheBase() async throws {
    try await withDisks { disks in
      let made = try await overlay(disks, "a")
      await #expect(throws: SlipwayError.self) {
        _ = try await disks.flatten(DiskName("a"), context: context) { _ in throw SlipwayError(.ioError, "a test") }
      }
      let shown = try await disks.show(DiskName("a"))
      #expect(shown.record.base == made.record.base)
    }
  }
}
