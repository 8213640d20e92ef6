import ImageStore
import Model
import Testing

@testable import Agent
@testable import ImageFormats

/// What a disk's header may lead to.
@Suite struct BackingJudgementTests {
  static let hash = String(repeating: "ab", count: 20)

  func judge(_ path: String, _ format: String?, overlay: String = "/disks/vm/disk.qcow2") throws -> BackingPlace {
    try BackingPlace.judge(
      BackingReference(pathBytes: Array(path.utf8), format: format), of: overlay, store: "/store/bases", roots: ["/disks"]
    ) { $0 == "/store/bases" || $0 == "/mounted/bases" }
  }

  func refusal(_ path: String, _ format: String?) -> ErrorCode? {
    do {
      _ = try judge(path, format)
      return nil
    } catch { return SlipwayError.wrap(error).code }
  }

  @Test(arguments: ["raw", "qcow2"]) func aBaseOfTheStoreInTheFormatThatTheDiskReads(format: String) throws {
    let name = try #require(BaseName("\(Self.hash).\(format)"))
    let kept = try #require(name.format)
    #expect(try judge("/store/bases/\(name)", format) == .base(name, kept))
    #expect(try judge("/mounted/bases/\(name)", format) == .base(name, kept), "another name of the same directory")
    #expect(try judge("//store/bases//\(name)", format) == .base(name, kept))
  }

  @Test(arguments: [("raw", "qcow2"), ("qcow2", "raw")]) func anotherFormatThanTheDiskReadsIsRefused(kept: String, read: String) {
    #expect(refusal("/store/bases/\(Self.hash).\(kept)", read) == .formatMismatch)
  }

  @Test func aFormatThatIsNotRecordedIsNeverGuessed() {
    #expect(refusal("/store/bases/\(Self.hash).raw", nil) == .formatRefused)
    #expect(refusal("/store/bases/\(Self.hash).qcow2", nil) == .formatRefused)
    #expect(refusal("/store/bases/\(Self.hash).qcow2", "vmdk") == .formatRefused)
    #expect(refusal("/store/bases/\(Self.hash).qcow2", "") == .formatRefused)
  }

  @Test(arguments: [
    "/other/bases/0000000000000000000000000000000000000000.qcow2", "/etc/shadow", "/store/meta/x.json", "/disksother/a.qcow2",
    "/disks/../etc/shadow", "/store/bases/../../etc/shadow", "../../../etc/shadow", "/disks",
  ]) func pathsOutsideOfTheStoreAndTheRootsAreRefused(path: String) {
    #expect(refusal(path, "qcow2") == .locationNotAllowed)
  }

  @Test(arguments: ["json:{\"file\":{}}", "nbd://host/x", "rbd:pool/image", "file:/disks/a", "fat:/disks"])
  func wordsThatAreNoPathAreRefused(path: String) {
    #expect(refusal(path, "qcow2") == .formatRefused)
  }

  @Test func aNameThatIsNoBaseIsNotOurs() {
    #expect(refusal("/store/bases/debian.qcow2", "qcow2") == .notOurs)
    #expect(refusal("/store/bases/\(Self.hash)", "raw") == .notOurs)
  }

  @Test func anotherDiskIsFollowed() throws {
    #expect(try judge("/disks/a/snapshot.qcow2", "qcow2") == .disk(path: "/disks/a/snapshot.qcow2"))
    #expect(try judge("snapshot.qcow2", "qcow2") == .disk(path: "/disks/vm/snapshot.qcow2"))
    // Like /a:b/c, which QEMU takes for a path.
    #expect(try judge("/disks/a:b/c", "qcow2") == .disk(path: "/disks/a:b/c"))
    #expect(refusal("/disks/a/flat.raw", "raw") == .baseNotFound)
  }

  @Test func namesThatAreNotTextAreRefused() {
    let reference = BackingReference(pathBytes: [0x2F, 0xFF, 0xFE], format: "raw")
    #expect(throws: SlipwayError.self) {
      try BackingPlace.judge(reference, of: "/disks/a", store: "/store/bases", roots: ["/"]) { _ in true }
    }
  }
}
