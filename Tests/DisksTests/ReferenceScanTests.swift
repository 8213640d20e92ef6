import Files
import Foundation
import ImageFormats
import Model
import Runtime
import Testing

@testable import Disks

@Suite(.timeLimit(.minutes(1))) struct ReferenceScanTests {
  let place = ScanPlace()

  @Test(arguments: ["disk", "disk.rescue", "disk.local", "disk.eph0", "disk.snap1", "anything"])
  func aDiskOfAnyNameIsFound(_ name: String) async throws {
    try await place.use { place in
      try place.overlay("roots/i/\(name)", on: place.path("base"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/\(name)"])
      #expect(found.unreadable == [:])
    }
  }

  @Test func aChainIsFollowedOutOfTheRoots() async throws {
    try await place.use { place in
      try place.overlay("elsewhere/middle", on: place.path("base"))
      try place.overlay("roots/i/disk", on: place.path("elsewhere/middle"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/disk"])
    }
  }

  @Test func namesDoNotCountButFilesDo() async throws {
    try await place.use { place in
      try place.link("other-name", to: place.path("base"))
      try place.overlay("roots/i/disk", on: place.path("other-name"))
      try place.link("directory-link", to: place.path(""))
      try place.overlay("roots/j/disk", on: place.path("directory-link/base"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/disk", "roots/j/disk"])
    }
  }

  @Test func linksToRootsDirectoriesAndDisksAreSeenThrough() async throws {
    try await place.use { place in
      try place.overlay("far/i/disk", on: place.path("base"))
      try place.overlay("far/single", on: place.path("base"))
      try place.link("roots/i", to: place.path("far/i"))
      try place.link("roots/i/loop", to: place.path("roots"))
      try place.link("roots/disk", to: place.path("far/single"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/disk", "roots/i/disk"])
      try place.link("linked-roots", to: place.path("roots"))
      let through = try await place.scan(roots: ["linked-roots"])
      #expect(through.disks == ["linked-roots/disk", "linked-roots/i/disk"])
    }
  }

  @Test func aDiskThatIsTheBaseItselfCounts() async throws {
    try await place.use { place in
      try place.link("roots/i/disk", to: place.path("base"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/disk"])
    }
  }

  @Test func aRelativeNameCountsFromThePathAndFromTheFile() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: "../../base")
      try place.overlay("far/disk", on: "../base")
      try place.link("roots/i/j/disk", to: place.path("far/disk"))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/disk", "roots/i/j/disk"])
    }
  }

  @Test func aBackingFileThatIsNotThereIsTold() async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: place.path("gone.qcow2"))
      try place.overlay("roots/j/disk", on: place.path("roots/i/disk"))
      let found = try await place.scan()
      #expect(found.references.missing == [place.path("gone.qcow2"): [place.path("roots/i/disk"), place.path("roots/j/disk")]])
    }
  }

  @Test func disksThatNameEachOtherEnd() async throws {
    try await place.use { place in
      try place.overlay("roots/a", on: place.path("roots/b"))
      try place.overlay("roots/b", on: place.path("roots/a"))
      let found = try await place.scan()
      #expect(found.references.overlays == 2)
      #expect(found.disks == [])
    }
  }

  @Test(arguments: [
    "json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"BASE\"}}", "json:{\"file.filename\":\"BASE\"}", "file:BASE",
  ])
  func wordsOfQEMUAreUnderstood(_ word: String) async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: word.replacingOccurrences(of: "BASE", with: place.path("base")))
      let found = try await place.scan()
      #expect(found.disks == ["roots/i/disk"])
      #expect(found.unreadable == [:])
    }
  }

  @Test(arguments: ["nbd://host/x", "rbd:pool/image", "json:{\"driver\":\"nbd\",\"host\":\"h\"}"])
  func aServerIsNoFile(_ word: String) async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: word)
      let found = try await place.scan()
      #expect(found.unreadable == [:])
      #expect(found.references.missing == [:])
    }
  }

  @Test(arguments: ["odd:/x", "json:{", "json:{\"driver\":\"qcow2\"}"])
  func aWordThatIsNotUnderstoodMayBeAnything(_ word: String) async throws {
    try await place.use { place in
      try place.overlay("roots/i/disk", on: word)
      let found = try await place.scan()
      #expect(found.unreadable == ["roots/i/disk": nil])
    }
  }

  @Test func anExcludedDirectoryIsNotLookedInto() async throws {
    try await place.use { place in
      try place.write("roots/store/damaged.qcow2", [1, 2, 3])
      try place.link("roots/again", to: place.path("roots/store"))
      let found = try await place.scan(excluding: ["roots/store"])
      #expect(found.unreadable == [:])
      #expect(found.references.files == 0)
    }
  }

  @Test func aRootThatIsNotThereHoldsNothing() async throws {
    try await place.use { place in
      let found = try await place.scan(roots: ["none"])
      #expect(found.references == DiskReferences())
    }
  }

  @Test func aPipeWithTheNameOfADiskHoldsUpNobody() async throws {
    try await place.use { place in
      try place.write("roots/i/console.log", [])
      #expect(mkfifo(place.path("roots/i/disk"), 0o600) == 0)
      let found = try await place.scan()
      #expect(found.unreadable == [:])
    }
  }

  @Test func theSearchEndsAtItsDeadlineAndLimits() async throws {
    try await place.use { place in
      for name in ["a", "b", "c"] { try place.overlay("roots/\(name)/x/disk", on: place.path("base")) }
      let late = try await place.scan(deadline: .after(.zero))
      #expect(late.references.incomplete != nil)
      var limits = ReferenceScan.Limits()
      limits.entries = 4
      let many = try await place.scan(limits: limits)
      #expect(many.references.incomplete?.contains("more than 4 files") == true)
      limits = ReferenceScan.Limits()
      limits.depth = 1
      let deep = try await place.scan(limits: limits)
      #expect(deep.references.incomplete?.contains("deep") == true)
    }
  }

  @Test func aThousandDisksAreReadQuickly() async throws {
    try await place.use { place in
      for index in 0..<1000 { try place.overlay("roots/\(index)/disk", on: place.path("base")) }
      let clock = ContinuousClock()
      let start = clock.now
      let found = try await place.scan()
      print("1000 disks searched in \(clock.now - start)")
      #expect(found.references.overlays == 1000)
      #expect(found.disks.count == 1000)
    }
  }
}
