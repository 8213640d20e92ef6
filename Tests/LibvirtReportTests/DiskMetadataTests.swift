import Libvirt
import LibvirtReport
import Testing

@Suite struct DiskMetadataTests {
  @Test func entriesAreAddedReplacedAndRemoved() {
    var metadata = DiskMetadata()
    #expect(metadata.xml == nil)
    metadata.set(.init(name: "b", words: ["path": "/b"]))
    metadata.set(.init(name: "a", words: ["path": "/a", "image": "<&'"]))
    metadata.set(.init(name: "b", words: ["path": "/c"]))
    #expect(metadata.xml == "<disks><disk name='a' image='&lt;&amp;&apos;' path='/a'/><disk name='b' path='/c'/></disks>")
    #expect(DiskMetadata(metadata.xml) == metadata)
    metadata.remove("a")
    metadata.remove("b")
    #expect(metadata.xml == nil)
  }

  @Test func whatLibvirtGivesBackIsReadWithItsPrefix() {
    let text = "<slipway:disks xmlns:slipway=\"urn:slipway:domain:1\">\n  <slipway:disk name=\"a\" path=\"/a\"/>\n</slipway:disks>"
    #expect(DiskMetadata(text).entries == [.init(name: "a", words: ["path": "/a"])])
  }

  @Test func whatCannotBeReadIsNothing() { #expect(DiskMetadata("<disks").entries.isEmpty && DiskMetadata(nil).entries.isEmpty) }

  @Test func aDomainKeepsIt() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let name = "metadata-\(UInt32.random(in: 0..<UInt32.max))"
    var metadata = DiskMetadata()
    metadata.set(.init(name: "a", words: ["image": "i", "digest": "sha512:00"]))
    let written = metadata
    let read = try await client.call("write and read") { libvirt in
      let domain = try libvirt.define(
        domain: "<domain type='test'><name>\(name)</name><memory>8192</memory><os><type>hvm</type></os></domain>")
      try domain.setMetadata(written.xml, key: DiskMetadata.key, namespace: DiskMetadata.namespace, .config)
      let text = try domain.metadata(namespace: DiskMetadata.namespace, .config)
      try domain.undefine()
      return text
    }
    #expect(DiskMetadata(read) == metadata)
    await client.close()
  }
}
