import Model
import Planner
import Testing

/// Plans for a target on local disk: export, file, download.
@Suite struct LocalTests {
  @Test("an RBD location is exported from whichever cluster has its fsid, as the image user, qcow2 as it is", arguments: ["raw", "qcow2"])
  func exports(_ format: String) throws {
    var world = World()
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd(Bed.there)], format: format), .qcow2))
    #expect(world.run(&planner)?.lines == ["export ok", "download not_tried"])
    let location = try #require(RBDLocation(parsing: Bed.rbd(Bed.there)))
    #expect(world.probes == [.rbdSnapshot(cluster: "there", location: location, as: .imageUser)])
    #expect(planner.choice?.cluster == "there")
  }

  @Test(
    "what lasts leads on to the download",
    arguments: [Bed.rbd(Bed.foreign), Bed.rbd(pool: "vms"), "rbd://image", "swift://x/y", "http://x/y"])
  func permanentLeadsToDownload(_ url: String) {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([url]), .raw))?.route == .download)
  }

  @Test("an outage does not, unless on_direct_failed allows it", arguments: [Reason.clusterUnreachable, .timeout, .permissionDenied])
  func transientBarsDownload(_ reason: Reason) {
    var world = World.refusing(reason)
    var request = Bed.request(Bed.image([Bed.rbd()]), .raw)
    let plan = world.plan(request)
    #expect(plan?.lines == ["export \(reason.rawValue)", "download fallback_not_allowed"])
    #expect(plan?.outcomeError(for: request)?.code.exitCode == 5)
    request.policy.onDirectFailed = .fallback
    #expect(world.plan(request)?.route == .download)
  }

  @Test("without locations the image service serves the bytes, and nothing is asked")
  func downloadAlone() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([]), .qcow2))?.lines == ["download ok"])
    #expect(world.probes.isEmpty)
  }

  @Test("a container, an encryption or a format that we don't read closes every route")
  func unreadable() {
    var container = Bed.image([Bed.rbd()])
    container.containerFormat = "docker"
    var encrypted = Bed.image([Bed.rbd()])
    encrypted.encrypted = true
    for (image, reason) in [
      (container, "container_not_bare"), (encrypted, "encrypted"), (Bed.image([Bed.rbd()], format: "qed"), "format_unsupported"),
    ] {
      var world = World()
      let request = Bed.request(image, .qcow2)
      let plan = world.plan(request)
      #expect(plan?.lines == ["export \(reason)", "download \(reason)"])
      #expect(plan?.outcomeError(for: request)?.code == .formatRefused)
    }
  }

  @Test("an ISO is plain sectors: it is exported, and its size is the disk's")
  func iso() {
    var world = World()
    var image = Bed.image([Bed.rbd()], format: "iso")
    #expect(world.plan(Bed.request(image, .qcow2))?.route == .export)
    image.size = .gib(5)
    #expect(world.plan(Bed.request(image, .qcow2, size: .gib(4)))?.lines == ["export too_large", "download too_large"])
  }

  @Test("a base has no size to hold, and min_disk says nothing about it")
  func baseOnly() {
    let request = PlanRequest(
      image: Bed.image([Bed.rbd()], minDisk: 100), target: .raw, baseOnly: true, size: .gib(1), policy: Bed.policy())
    var world = World()
    #expect(world.plan(request)?.route == .export)
  }

  @Test("the size of a qcow2 file is not the size that a guest sees")
  func qcow2FileSize() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()], format: "qcow2"), .qcow2, size: .gib(1)))?.route == .export)
    var told = Bed.image([Bed.rbd()], format: "qcow2")
    told.virtualSize = .gib(5)
    #expect(world.plan(Bed.request(told, .qcow2, size: .gib(4)))?.lines == ["export too_large", "download too_large"])
  }

  @Test(
    "a file is read beneath a listed root only",
    arguments: [
      ("file:///srv/images/a.raw", "/srv/images/a.raw"), ("file://localhost/srv/images/a%20b", "/srv/images/a b"),
      ("file:/srv/images/sub/a", "/srv/images/sub/a"), ("file:///srv/images", nil), ("file:///srv/images2/a", nil),
      ("file:///srv/images/../a", nil), ("file:///etc/shadow", nil),
    ])
  func fileRoots(_ url: String, _ path: String?) {
    var policy = Bed.policy()
    policy.fileRoots = .listed(["/var/x", "/srv/images/"])
    var world = World()
    var planner = RoutePlanner(Bed.request(Bed.image([url]), .raw, policy: policy))
    let plan = world.run(&planner)
    #expect(plan?.candidates.first?.reason == (path == nil ? .rootNotAllowed : .ok))
    #expect(planner.choice?.path == path)
    #expect(world.probes == (path.map { [.file(path: $0, root: "/srv/images/")] } ?? []))
  }

  @Test("without a configuration an operator's path is read wherever it lies, and the image service's nowhere")
  func fileAnywhere() {
    var policy = Bed.policy()
    policy.fileRoots = .anywhereForOperator
    var world = World()
    #expect(world.plan(Bed.request(Bed.image(["/home/me/a:b.raw"]), .raw, policy: policy, typed: true))?.lines == ["file ok"])
    #expect(world.probes == [.file(path: "/home/me/a:b.raw", root: nil)])
    #expect(world.plan(Bed.request(Bed.image(["/home/me/a.raw"]), .raw, policy: policy))?.candidates.first?.reason == .rootNotAllowed)
  }

  @Test("an operator's URL is downloaded, whatever schemes are switched on")
  func typedURL() {
    var policy = Bed.policy()
    policy.allowedSchemes = []
    var world = World()
    #expect(world.plan(Bed.request(Bed.image(["https://host/i"]), .qcow2, policy: policy, typed: true))?.lines == ["download ok"])
    #expect(world.probes == [.url("https://host/i")])
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), .qcow2, policy: policy, typed: true))?.lines == ["export ok"])
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), .qcow2, policy: policy))?.lines == ["export scheme_not_allowed", "download ok"])
  }

  @Test("a URL that the image service tells is never downloaded directly, even with its scheme switched on")
  func toldURL() {
    var policy = Bed.policy()
    policy.allowedSchemes.insert("http")
    var world = World()
    #expect(
      world.plan(Bed.request(Bed.image(["http://host/i"]), .raw, policy: policy))?.lines == ["download scheme_unsupported", "download ok"])
    #expect(world.probes.isEmpty)
  }

  @Test("a chosen candidate that fails in use gives way to the next; an outage in use bars the download too")
  func failsInUse() throws {
    var world = World()
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd()]), .qcow2))
    _ = world.run(&planner)
    var other = planner
    planner.fail(try #require(planner.choice), .digestMismatch, "the digest differs")
    #expect(world.run(&planner)?.lines == ["export digest_mismatch", "download ok"])
    planner.fail(try #require(planner.choice), .digestMismatch, "the digest differs")
    #expect(world.run(&planner)?.outcomeError(for: planner.request)?.code == .digestMismatch)
    other.fail(try #require(other.choice), .sourceUnreachable, "read failed")
    #expect(world.run(&other)?.lines == ["export source_unreachable", "download fallback_not_allowed"])
  }

  @Test("a format that is converted takes every local route and says so, and is not cloned", arguments: ["vmdk", "vhd", "vhdx", "vdi"])
  func convertedFormats(_ format: String) {
    let image = Bed.image([Bed.rbd()], format: format)
    var world = World()
    let plan = world.plan(Bed.request(image, .qcow2))
    #expect(plan?.route == .export)
    #expect(plan?.candidates.first?.detail == "convert: qemu-img makes raw bytes of the verified \(format)")
    let clone = world.plan(Bed.request(image))
    #expect(clone?.candidates.first?.reason == .notRaw)
  }
}
