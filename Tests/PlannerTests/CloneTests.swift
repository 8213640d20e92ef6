import Model
import Planner
import Testing

/// Conformance tables A and B of Cinder's RBD driver and cases 1 to 10 and 15 of Nova's, as the plan for a disk on RBD.
@Suite struct CloneTests {
  @Test("a raw image in the target cluster is cloned, read as who opens the disk (A1, Nova 1, 3)")
  func clones() throws {
    var world = World()
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd()])))
    let plan = world.run(&planner)
    let location = try #require(RBDLocation(parsing: Bed.rbd()))
    #expect(plan?.lines == ["clone ok", "base_clone not_tried"])
    #expect(plan?.chosen == 0)
    #expect(world.probes == [.rbdSnapshot(cluster: "here", location: location, as: .diskUser)])
    #expect(planner.choice?.cluster == "here")
  }

  @Test(
    "percent-encoded slashes stand inside the four parts (A2, Nova 1); the pool comes from the URL, the order from the parent (B7, Nova 7)")
  func encodedParts() {
    var policy = Bed.policy()
    policy.clusters[0].imagePools = ["a/b c"]
    var world = World { _ in .facts(ProbeFacts(objectOrder: 23)) }
    var planner = RoutePlanner(Bed.request(Bed.image(["rbd://\(Bed.here)/a%2Fb%20c/%2F/%2F"]), policy: policy))
    #expect(world.run(&planner)?.route == .clone)
    #expect(planner.choice?.rbd == RBDLocation(fsid: Bed.here, pool: "a/b c", image: "/", snapshot: "/"))
    #expect(planner.choice?.facts?.objectOrder == 23)
    #expect(planner.choice?.rbd?.url == "rbd://\(Bed.here)/a%2Fb%20c/%2F/%2F")  // A4
  }

  @Test(
    "what is no RBD snapshot is refused without a probe (A3, Nova 2)",
    arguments: [
      ("rbd://image", Reason.notASnapshot), ("rbd://image/extra", .notASnapshot), ("rbd://image/", .malformedURL),
      ("rbd://fsid/pool/image/", .malformedURL), ("rbd://fsid/pool/image/snap/", .malformedURL), ("rbd://///", .malformedURL),
      ("rbd:///", .malformedURL), ("rbd://f/p/i/s/t", .notASnapshot), ("rbd:f/p/i/s", .malformedURL), ("rbd://f/p/i/%FF", .malformedURL),
      ("", .malformedURL), ("no url", .malformedURL), ("http://x", .schemeNotAllowed), ("RBD://f/p/i/s", .schemeNotAllowed),
    ])
  func malformed(_ url: String, _ reason: Reason) {
    var world = World()
    let plan = world.plan(Bed.request(Bed.image([url])))
    #expect(plan?.candidates.first?.reason == reason)
    #expect(plan?.chosen == nil)
    #expect(world.probes.isEmpty)
  }

  @Test(
    "cinder:// without a volume id is no location (A5)",
    arguments: [
      ("cinder://\(Bed.foreign)", Reason.backendNotAllowed), ("cinder://store/\(Bed.foreign)", .backendNotAllowed),
      ("cinder://store/notuuid", .malformedURL), ("cinder://", .malformedURL), ("cinder://a/b/\(Bed.foreign)", .malformedURL),
    ])
  func cinder(_ url: String, _ reason: Reason) {
    var policy = Bed.policy()
    policy.allowedSchemes.insert("cinder")
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([url]), policy: policy))?.candidates.first?.reason == reason)
  }

  @Test(
    "another cluster's fsid is refused without opening anything, and falls back (B1, Nova 4)", arguments: [Bed.there, Bed.foreign, "abc"])
  func foreignFSID(_ fsid: String) {
    var world = World()
    let plan = world.plan(Bed.request(Bed.image([Bed.rbd(fsid)])))
    #expect(plan?.lines == ["clone fsid_mismatch", "base_clone no_pool_base"])
    #expect(world.probes.isEmpty)
  }

  @Test("only raw is cloned (B2, Nova 6)", arguments: ["qcow2", "vmdk", "vdi", "iso", "RAW", nil])
  func notRaw(_ format: String?) {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()], format: format)))?.candidates.first?.reason == .notRaw)
    #expect(world.probes.isEmpty)
  }

  @Test("an image or snapshot that is missing is no clone and no crash (B3, Nova 5)", arguments: [Reason.sourceMissing, .snapshotMissing])
  func missing(_ reason: Reason) {
    var world = World.refusing(reason)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()])))?.lines == ["clone \(reason.rawValue)", "base_clone no_pool_base"])
  }

  @Test("a missing pool is a refusal that lasts, a denial one that passes: no full copy for it (B4, Nova 8)")
  func poolMissingAndDenied() {
    var missing = World.refusing(.poolMissing)
    #expect(missing.plan(Bed.request(Bed.image([Bed.rbd()])))?.lines == ["clone pool_missing", "base_clone no_pool_base"])
    var denied = World.refusing(.permissionDenied)
    #expect(denied.plan(Bed.request(Bed.image([Bed.rbd()])))?.lines == ["clone permission_denied", "base_clone fallback_not_allowed"])
  }

  @Test("of two locations the second is used when the first lies elsewhere (B5, Nova 9)")
  func secondLocation() {
    var world = World()
    let plan = world.plan(Bed.request(Bed.image([Bed.rbd(Bed.foreign), Bed.rbd()])))
    #expect(plan?.lines == ["clone fsid_mismatch", "clone ok", "base_clone not_tried"])
    #expect(plan?.chosen == 1)
  }

  @Test("a passing refusal bars no other direct candidate")
  func transientThenGood() {
    let bad = RBDLocation(fsid: Bed.here, pool: "images", image: "bad", snapshot: "snap")
    var world = World { $0 == .rbdSnapshot(cluster: "here", location: bad, as: .diskUser) ? .refused(.timeout, nil) : .facts(ProbeFacts()) }
    #expect(world.plan(Bed.request(Bed.image([bad.url, Bed.rbd()])))?.chosen == 1)
  }

  @Test("with every location bad there is no clone, and nothing else happens (B5, Nova 10)")
  func allBad() {
    let request = Bed.request(Bed.image([Bed.rbd(Bed.foreign), "rbd://image"]))
    var world = World()
    let plan = world.plan(request)
    #expect(plan?.chosen == nil)
    #expect(plan?.outcomeError(for: request)?.code == .notCloneable)
  }

  @Test("no location at all is a plan without a choice, not a failure (B6)")
  func noLocations() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([])))?.lines == ["base_clone no_pool_base"])
  }

  @Test("a size below the image's is refused before anything is made; one above is taken (B8)")
  func sizes() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), size: .gib(20)))?.route == .clone)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), size: .gib(2)))?.route == .clone)
    world.probes = []
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), size: .gib(1)))?.lines == ["clone too_large", "base_clone too_large"])
    #expect(world.probes.isEmpty)
  }

  @Test("with on_not_cloneable: fail nothing stands behind clone (Nova 15)")
  func neverFallBack() {
    var policy = Bed.policy()
    policy.onNotCloneable = .fail
    var world = World.refusing(.snapshotMissing)
    let request = Bed.request(Bed.image([Bed.rbd()]), policy: policy)
    let plan = world.plan(request)
    #expect(plan?.lines == ["clone snapshot_missing"])
    #expect(plan?.outcomeError(for: request)?.code == .notCloneable)
  }

  @Test("a location that is told twice is tried once")
  func duplicates() {
    var world = World.refusing(.snapshotMissing)
    let image = Bed.image([Bed.rbd(), Bed.rbd(), Bed.rbd().replacingPool("%69mages")])
    #expect(world.plan(Bed.request(image))?.lines == ["clone snapshot_missing", "base_clone no_pool_base"])
    #expect(world.probes.count == 1)
  }

  @Test("container, encryption, pool and min_disk are judged before any probe")
  func staticRules() {
    var container = Bed.image([Bed.rbd()])
    container.containerFormat = "ova"
    var encrypted = Bed.image([Bed.rbd()])
    encrypted.encrypted = true
    let cases: [(ImageDescription, Reason)] = [
      (container, .containerNotBare), (encrypted, .encrypted), (Bed.image([Bed.rbd(pool: "vms")]), .poolNotAllowed),
      (Bed.image([Bed.rbd()], minDisk: 21), .belowMinDisk), (Bed.image([Bed.rbd()], minDisk: .max), .belowMinDisk),
    ]
    for (image, reason) in cases {
      var world = World()
      #expect(world.plan(Bed.request(image))?.candidates.first?.reason == reason)
      #expect(world.probes.isEmpty)
    }
  }

  @Test("min_disk holds too when no size is asked and the disk gets the image's")
  func minDiskWithoutSize() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()], minDisk: 3), size: nil))?.candidates.first?.reason == .belowMinDisk)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()], minDisk: 2), size: nil))?.route == .clone)
  }

  @Test("a snapshot is held against the image's size and the size asked, protected or not against what cloning needs")
  func afterTheProbe() {
    var unknown = Bed.image([Bed.rbd()], size: nil)
    unknown.virtualSize = nil
    let cases: [(ImageDescription, ProbeFacts, Reason)] = [
      (Bed.image([Bed.rbd()]), ProbeFacts(size: .gib(3)), .sizeMismatch),
      (unknown, ProbeFacts(size: .gib(21)), .tooLarge),
      (unknown, ProbeFacts(size: .gib(20)), .ok),
      (unknown, ProbeFacts(isProtected: false, cloneNeedsProtection: true), .snapshotNotProtected),
      (unknown, ProbeFacts(isProtected: true, cloneNeedsProtection: true), .ok),
    ]
    for (image, facts, reason) in cases {
      var world = World { _ in .facts(facts) }
      #expect(world.plan(Bed.request(image))?.candidates.first?.reason == reason)
    }
  }

  @Test("copy-to-store needs a store, and raw bytes; a file cannot be cloned into RBD")
  func otherWays() {
    var policy = Bed.policy()
    policy.onNotCloneable = .copyToStore
    var world = World()
    let plan = world.plan(Bed.request(Bed.image(["file:///srv/i.raw"]), policy: policy))
    #expect(plan?.lines == ["clone scheme_unsupported", "store_copy no_copy_store"])
    policy.copyStore = "ceph"
    #expect(world.plan(Bed.request(Bed.image(["file:///srv/i.raw"]), policy: policy))?.route == .storeCopy)
    let qcow2 = world.plan(Bed.request(Bed.image([], format: "qcow2"), policy: policy))
    #expect(qcow2?.lines == ["store_copy not_raw"])
  }
}

extension String {
  /// The location with its pool written otherwise.
  fileprivate func replacingPool(_ pool: String) -> String {
    split(separator: "/", omittingEmptySubsequences: false).enumerated().map { $0.offset == 3 ? pool : String($0.element) }.joined(
      separator: "/")
  }
}
