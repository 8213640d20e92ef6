import Foundation
import ImageStore
import Model
import Testing

@Suite struct BaseIdentityTests {
  let digest: Digest

  init() throws {
    digest = try Digest(parsing: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  private func name(_ source: String, _ format: BaseFormat, _ owner: String? = nil) throws -> String {
    try BaseIdentity(digest: digest, sourceFormat: source, format: format, owner: owner).name.text
  }

  @Test func namesNeverChange() throws {
    #expect(try name("raw", .qcow2) == "1becc97d6ece1831db7fd0a69837f197a77e6a91.qcow2")
    #expect(try name("raw", .raw) == "c8d340d9fd442d20dc49d95199eea4b603a531c5.raw")
    #expect(try name("qcow2", .qcow2) == "97b8ed0a73b8b609500170b79bcc714d452e4a13.qcow2")
    #expect(try name("raw", .qcow2, "8f1c") == "6b413510fd9b5413cc567ad0f28bf93753ee12ff.qcow2")
    let file = try BaseIdentity(
      url: "file:///srv/a.img", stamp: .file(inode: 42, modified: 1_700_000_000_000_000_001, size: 4096), sourceFormat: "raw", format: .raw,
      owner: nil)
    #expect(file.name.text == "8795907c0e0adc06b0bcd8d0aec246635d681f63.raw")
    let web = try BaseIdentity(url: "https://example.org/a.img", stamp: .etag("W/\"x\""), sourceFormat: "raw", format: .raw, owner: nil)
    #expect(web.name.text == "9275b170679616492be64e947ce571afb62e769a.raw")
  }

  @Test func ownersFormatsAndStampsTellBasesApart() throws {
    let url = "https://example.org/a"
    var names = Set([
      try name("raw", .raw), try name("raw", .raw, ""), try name("raw", .raw, "a"), try name("raw", .raw, "a\nowner b"),
      try name("qcow2", .raw),
    ])
    for stamp in [
      BaseIdentity.Stamp.none, .etag("none"), .version("none"), .file(inode: 1, modified: 2, size: 3),
      .file(inode: 1, modified: 2, size: 4),
    ] {
      names.insert(try BaseIdentity(url: url, stamp: stamp, sourceFormat: "raw", format: .raw, owner: nil).name.text)
    }
    #expect(names.count == 10)
  }

  @Test(arguments: [DigestAlgorithm.md5, .sha1]) func aWeakDigestIsNoIdentity(algorithm: DigestAlgorithm) throws {
    let weak = try #require(Digest(algorithm, bytes: [UInt8](repeating: 1, count: algorithm.length)))
    let error = #expect(throws: SlipwayError.self) { _ = try BaseIdentity(digest: weak, sourceFormat: "raw", format: .raw, owner: nil) }
    #expect(error?.code == .digestRequired)
  }

  @Test func anIdentitySurvivesItsSidecarAndKeepsTheURLToItself() throws {
    let url = "https://user:secret@example.org/a?signature=secret"
    for identity in [
      try BaseIdentity(digest: digest, sourceFormat: "qcow2", format: .qcow2, owner: "p"),
      try BaseIdentity(url: url, stamp: .etag("\"e\""), sourceFormat: "raw", format: .raw, owner: nil),
    ] {
      let bytes = try JSONEncoder().encode(identity)
      #expect(try JSONDecoder().decode(BaseIdentity.self, from: bytes) == identity)
      #expect(!String(decoding: bytes, as: UTF8.self).contains("secret"))
    }
  }

  @Test(arguments: [
    "", "x.raw", "1becc97d6ece1831db7fd0a69837f197a77e6a91", "1BECC97D6ECE1831DB7FD0A69837F197A77E6A91.raw",
    "../1becc97d6ece1831db7fd0a69837f197a77e6a91.raw", "1becc97d6ece1831db7fd0a69837f197a77e6a91.vmdk",
    "1becc97d6ece1831db7fd0a69837f197a77e6a91.raw.x",
  ])
  func onlyOurNamesAreBases(text: String) { #expect(BaseName(text) == nil) }
}
