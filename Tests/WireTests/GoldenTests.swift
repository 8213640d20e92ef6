import Model
import Testing
import Wire

/// The documents as outside checks rely on them, to the byte.
@Suite struct GoldenTests {
  @Test func error() throws {
    let document = ErrorDocument(SlipwayError(.imageNotFound, "there is no image 'x'", object: "x", hint: "see openstack image list"))
    #expect(
      try WireCoding.text(document)
        == #"{"error":{"code":"image_not_found","hint":"see openstack image list","message":"there is no image 'x'","object":"x","retry":"never"},"version":1}"#
    )
  }

  @Test func absentValuesAreNull() throws {
    let text = try WireCoding.text(ErrorDocument(SlipwayError(.timeout, "late")))
    #expect(text.contains(#""hint":null"#))
    #expect(text.contains(#""object":null"#))
  }

  @Test func plan() throws {
    let plan = Plan(
      target: .rbd, chosen: 1,
      candidates: [
        Candidate(url: "rbd://a/b/c/d", route: .clone, reason: .fsidMismatch, detail: "another cluster"),
        Candidate(url: "rbd://e/b/c/d", route: .clone, reason: .ok),
      ])
    #expect(
      try WireCoding.text(PlanDocument(image: "i", plan: plan, cached: false))
        == #"{"cached":false,"candidates":[{"accepted":false,"detail":"another cluster","reason":"fsid_mismatch","route":"clone","url":"rbd://a/b/c/d"},{"accepted":true,"detail":null,"reason":"ok","route":"clone","url":"rbd://e/b/c/d"}],"convert":null,"error":null,"image":"i","policy":null,"route":"clone","target":"rbd","version":1}"#
    )
  }

  @Test func fetchOnAHit() throws {
    let evidence = Evidence(
      verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(3), inspectedFormat: "raw",
      verifiedAt: "2026-01-01T00:00:00Z")
    let document = FetchDocument(
      image: "i", path: "/s/bases/x.qcow2", format: "qcow2", virtualSize: 5, route: nil, outcome: "hit", bytes: ByteTally(virtual: 5),
      evidence: evidence, seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"bytes":{"holes":0,"read":0,"virtual":5,"written":0},"evidence":{"also":[],"computed":null,"conversion":null,"digest":"none","expected":null,"expected_from":null,"inspected_format":"raw","inspected_subformat":null,"inspected_virtual_size":null,"inspection":null,"partitions":null,"policy":null,"signatures":[],"source_size":3,"verified_at":"2026-01-01T00:00:00Z","verified_by":null},"format":"qcow2","image":"i","outcome":"hit","path":"/s/bases/x.qcow2","route":null,"seconds":0.5,"version":1,"virtual_size":5}"#
    )
  }

  @Test func disk() throws {
    let document = DiskDocument(
      name: "d", target: .rbd, route: .clone, source: "rbd://a/b/c/d", size: 7, base: nil, path: "vms/d", image: "i", outcome: "created",
      state: "ready", created: "2026-01-01T00:00:00Z", seconds: 0.25)
    #expect(
      try WireCoding.text(document)
        == #"{"base":null,"created":"2026-01-01T00:00:00Z","domains":null,"evidence":null,"image":"i","libvirt":null,"made_on":null,"name":"d","outcome":"created","path":"vms/d","route":"clone","seconds":0.25,"size":7,"source":"rbd://a/b/c/d","state":"ready","target":"rbd","version":1}"#
    )
  }

  @Test func aBaseInTheCache() throws {
    let digest = try Digest(parsing: "md5:d41d8cd98f00b204e9800998ecf8427e")
    let evidence = Evidence(
      verdict: .matched, computed: digest, expected: digest, expectedFrom: "checksum", sourceSize: ByteCount(3), inspectedFormat: "raw",
      verifiedAt: "2026-01-01T00:00:00Z")
    let base = BaseDocument(
      name: "x.qcow2", path: "/s/bases/x.qcow2", images: ["i"], format: "qcow2", sourceFormat: "raw", virtualSize: 5, allocated: 4,
      route: .export, source: "rbd://a/b/c/d", evidence: evidence, created: "2026-01-01T00:00:00Z", lastUsed: nil, hits: 0)
    #expect(
      try WireCoding.text(CacheDocument(store: "/s", bases: [base], unknown: ["y"]))
        == #"{"bases":[{"allocated":4,"clean":null,"created":"2026-01-01T00:00:00Z","evidence":{"also":[],"computed":"md5:d41d8cd98f00b204e9800998ecf8427e","conversion":null,"digest":"matched","expected":"md5:d41d8cd98f00b204e9800998ecf8427e","expected_from":"checksum","inspected_format":"raw","inspected_subformat":null,"inspected_virtual_size":null,"inspection":null,"partitions":null,"policy":null,"signatures":[],"source_size":3,"verified_at":"2026-01-01T00:00:00Z","verified_by":null},"format":"qcow2","hits":0,"images":["i"],"last_used":null,"made_by":"slipway","name":"x.qcow2","path":"/s/bases/x.qcow2","pin":null,"route":"export","source":"rbd://a/b/c/d","source_format":"raw","virtual_size":5}],"foreign":[],"pool":null,"store":"/s","unknown":["y"],"version":1}"#
    )
  }

  @Test func aConfigurationWithoutAFile() throws {
    #expect(
      try WireCoding.text(ConfigShowDocument(file: nil, settings: [["key": "store.path"]]))
        == #"{"file":null,"settings":[{"key":"store.path"}],"version":1}"#)
    #expect(
      try WireCoding.text(ConfigCheckDocument(file: nil, problems: [], warnings: ["w"]))
        == #"{"file":null,"problems":[],"valid":true,"version":1,"warnings":["w"]}"#)
  }

  @Test func aDiskAsLibvirtFindsIt() throws {
    let view = DiskDocument.LibvirtView(pool: nil, volume: nil, diskXML: "<disk/>", domain: "vm", device: "vdb")
    #expect(
      try WireCoding.text(view) == #"{"device":"vdb","disk_xml":"<disk/>","domain":"vm","pool":null,"volume":null}"#)
  }

  @Test func aChangedDisk() throws {
    let document = DiskChangeDocument(
      name: "d", path: "vms/d", size: 7, base: nil, outcome: "resized", domains: ["vm"], seconds: 0.5)
    #expect(
      try WireCoding.text(document)
        == #"{"base":null,"domains":["vm"],"name":"d","outcome":"resized","path":"vms/d","seconds":0.5,"size":7,"version":1}"#)
  }

  @Test func whatLooksLeftOver() throws {
    let document = DiskListDocument(
      disks: [], leftovers: [.init(kind: "missing", path: "/d", domain: "vm"), .init(kind: "no_local_domain", path: "vms/d", domain: nil)],
      unreadable: [("vms/u", SlipwayError(.permissionDenied, "cannot open vms/u", object: "vms/u"))], unavailable: [])
    #expect(
      try WireCoding.text(document)
        == #"{"disks":[],"leftovers":[{"domain":"vm","kind":"missing","path":"/d"},{"domain":null,"kind":"no_local_domain","path":"vms/d"}],"unavailable":[],"unreadable":[{"error":{"code":"permission_denied","hint":null,"message":"cannot open vms/u","object":"vms/u","retry":"elsewhere"},"path":"vms/u"}],"version":1}"#
    )
  }

  @Test func aDeletionThatFoundNothingSaysSo() throws {
    #expect(
      try WireCoding.text(DeletionDocument(name: "d", deleted: false, seconds: 0))
        == #"{"name":"d","outcome":"absent","seconds":0,"version":1}"#)
  }
}
