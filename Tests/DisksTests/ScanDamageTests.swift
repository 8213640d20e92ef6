import Files
import Foundation
import Model
import Runtime
import Testing

@testable import Disks

/// Disks that cannot be read, and what they may stand on.
@Suite(.timeLimit(.minutes(1))) struct ScanDamageTests {
  let place = ScanPlace()

  @Test func aDamagedHeaderWhoseNameIsWholeProtectsThatFile() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base"))
      try place.patch("roots/i/disk", at: 20, [0, 0, 0, 99])  // cluster_bits
      try place.overlay("roots/j/disk", on: place.path("base"))
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": ["base"]])
      #expect(found.disks == ["roots/i/disk", "roots/j/disk"])
    }
  }

  @Test func aDamagedHeaderWhoseNameLeadsNowhereMayBeAnything() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base-that-was"))
      try place.patch("roots/i/disk", at: 20, [0, 0, 0, 99])
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": nil])
    }
  }

  @Test(arguments: [0, 3, 100, 4096]) func aDiskThatWasCutMayBeAnything(_ length: Int) async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base"))
      try place.patch("roots/i/disk", at: 8, [0, 0, 0, 0, 0, 0, 0x20, 0])
      #expect(truncate(place.path("roots/i/disk"), off_t(length)) == 0)
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": nil])
    }
  }

  @Test(arguments: [[UInt8](repeating: 0, count: 512), [UInt8](repeating: 0xA5, count: 512)])
  func aDiskWithoutItsMagicMayBeAnything(_ bytes: [UInt8]) async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base"))
      try place.patch("roots/i/disk", at: 0, bytes)
      try place.write("roots/i/console.log", bytes)
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": nil])
    }
  }

  @Test func aRawDiskStandsOnNothing() async throws {
    try await place.use { place in
      var boot = [UInt8](repeating: 0, count: 512)
      boot.replaceSubrange(510..<512, with: [0x55, 0xAA])
      try place.write("roots/a/disk", boot)
      try place.write("roots/b/disk", [UInt8](repeating: 7, count: 512))
      try place.write("roots/b/disk.info", Array(#"{"/old/place/b/disk": "raw"}"#.utf8))
      try place.write("roots/c/x.raw", [UInt8](repeating: 7, count: 512))
      let found = try await place.scan()
      #expect(found.unreadable == [:])
      #expect(found.references.files == 4)
    }
  }

  @Test func aGuestsRawDiskThatImitatesAHeaderStopsNothing() async throws {
    try await place.use { place in
      try place.write("roots/a/x.raw", Array("QFI".utf8) + [0xFB] + [UInt8](repeating: 0xFF, count: 600))
      try place.overlay("roots/a/y.raw", on: "odd:thing")
      let found = try await place.scan()
      #expect(found.unreadable == [:])
    }
  }

  @Test func novasRecordOfAFormatIsBelieved() async throws {
    try await place.use { place in
      try place.write("roots/i/backup", [UInt8](repeating: 7, count: 512))
      try place.write("roots/i/disk.info", Array(#"{"/x/backup": "qcow2"}"#.utf8))
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/backup": nil])
    }
  }

  @Test func ourOwnRecordTellsTheBaseOfADiskWithoutHeader() async throws {
    try await place.use { place in
      let disks = try await FileDisks.open(place.path("roots"), workers: WorkerPool(name: "disks", threads: 2))
      let record = DiskRecord(
        name: try DiskName("web"), request: DiskRequest(image: "i", target: .qcow2, size: ByteCount(1 << 20)), route: .file, source: nil,
        base: place.path("base"), created: "2026-01-01T00:00:00Z")
      _ = try await disks.makeOverlay(record, basePath: place.path("base"), baseFormat: "raw", context: place.context)
      try place.patch("roots/web.qcow2", at: 0, [UInt8](repeating: 0, count: 4096))
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/web.qcow2": ["base"]])
      #expect(found.disks == ["roots/web.qcow2"])
    }
  }

  @Test func aLinkThatLeadsNowhereMayBeAnything() async throws {
    try await place.use { place in
      try place.link("roots/i/disk", to: place.path("unmounted/disk"))
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": nil])
      try place.link("gone-root", to: place.path("unmounted"))
      let root = try await place.scan(roots: ["gone-root"])
      #expect(root.unreadable == ["gone-root": nil])
    }
  }

  @Test func aNameThatIsNoTextMayBeAnything() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("base"))
      let odd: [UInt8] = Array(place.path("roots/").utf8) + [0xFF, 0]
      let made = odd.withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { rename(place.path("roots/i"), $0.baseAddress) }
      }
      try #require(made == 0)
      let found = try await place.scan()
      #expect(found.unreadable.count == 1)
    }
  }

  @Test func aDiskThatGoesIsToldAndStopsNothing() async throws {
    try await place.use { place in
      try place.overlay("roots/a", on: place.path("base"))
      try place.overlay("roots/b", on: place.path("base"))
      let victim = place.path("roots/a")
      let found = try await place.scan { if $0 == victim { unlink(victim) } }
      #expect(found.disks == ["roots/b"])
      #expect(found.references.vanished == [victim])
      #expect(found.unreadable == [:])
    }
  }

  @Test func aDiskThatIsRenamedWhileTheSearchComesIsStillFound() async throws {
    try await place.use { place in
      for index in 0..<200 { try place.write("roots/f\(index)", [1]) }
      try place.overlay("roots/disk", on: place.path("base"))
      let (old, new) = (place.path("roots/disk"), place.path("roots/f7"))
      // Onto a name that was there before, and may have been read.
      let found = try await place.scan { if $0 == old { rename(old, new) } }
      #expect(found.disks == ["roots/f7"])
      #expect(found.references.vanished == [old])
    }
  }
}
