import Model
import Testing
import Wire

/// The document of `base ensure`, to the byte.
@Suite struct EnsureGoldenTests {
  let evidence = Evidence(
    verdict: .matched, computed: nil, expected: nil, expectedFrom: "identity", sourceSize: ByteCount(7), inspectedFormat: "raw",
    verifiedAt: "2026-01-01T00:00:00Z")

  @Test func fetched() throws {
    let document = EnsureDocument(
      overlay: "/d/x.qcow2", path: "/s/bases/b.qcow2", format: "qcow2", virtualSize: 512, image: "/mnt/b.qcow2", route: .file,
      bytes: ByteTally(virtual: 512, read: 7, written: 7, holes: 505), evidence: evidence, heldUntil: "2026-01-01T00:10:00Z", seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"bytes":{"holes":505,"read":7,"virtual":512,"written":7},"evidence":{"also":[],"computed":null,"conversion":null,"digest":"matched","expected":null,"expected_from":"identity","inspected_format":"raw","inspected_subformat":null,"inspected_virtual_size":null,"inspection":null,"partitions":null,"policy":null,"signatures":[],"source_size":7,"verified_at":"2026-01-01T00:00:00Z","verified_by":null},"format":"qcow2","held_until":"2026-01-01T00:10:00Z","image":"/mnt/b.qcow2","outcome":"fetched","overlay":"/d/x.qcow2","path":"/s/bases/b.qcow2","route":"file","seconds":0.5,"version":1,"virtual_size":512}"#
    )
  }

  @Test func hit() throws {
    let document = EnsureDocument(
      overlay: "/d/x.qcow2", path: "/s/bases/b.raw", format: "raw", virtualSize: 7, image: "i", route: nil, bytes: ByteTally(virtual: 7),
      evidence: evidence, heldUntil: nil, seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"bytes":{"holes":0,"read":0,"virtual":7,"written":0},"evidence":{"also":[],"computed":null,"conversion":null,"digest":"matched","expected":null,"expected_from":"identity","inspected_format":"raw","inspected_subformat":null,"inspected_virtual_size":null,"inspection":null,"partitions":null,"policy":null,"signatures":[],"source_size":7,"verified_at":"2026-01-01T00:00:00Z","verified_by":null},"format":"raw","held_until":null,"image":"i","outcome":"hit","overlay":"/d/x.qcow2","path":"/s/bases/b.raw","route":null,"seconds":0.5,"version":1,"virtual_size":7}"#
    )
  }
}
