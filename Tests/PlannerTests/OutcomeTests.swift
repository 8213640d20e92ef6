import Model
import Planner
import Testing

/// The error for a plan without a choice, and that every reason can be reached.
@Suite struct OutcomeTests {
  @Test(
    "a location that somebody typed gets the code of what is wrong with it",
    arguments: [
      ("rbd://image", Reason.ok, ErrorCode.invalidURL), ("rbd:////", .ok, .invalidURL), ("ftp://host/x", .ok, .invalidURL),
      ("http://", .ok, .invalidURL), (Bed.rbd(pool: "vms"), .ok, .locationNotAllowed), ("file:///etc/x", .ok, .locationNotAllowed),
      (Bed.rbd(Bed.foreign), .ok, .locationNotAllowed), (Bed.rbd(), .snapshotMissing, .sourceNotFound),
      (Bed.rbd(), .sourceMissing, .sourceNotFound),
      (Bed.rbd(), .poolMissing, .sourceNotFound), (Bed.rbd(), .permissionDenied, .permissionDenied), (Bed.rbd(), .timeout, .timeout),
      (Bed.rbd(), .clusterUnreachable, .clusterUnreachable), ("https://host/i", .sourceUnreachable, .sourceFailed),
      ("https://host/i", .sourceMissing, .sourceNotFound), (Bed.rbd(), .sizeMismatch, .sizeMismatch),
    ])
  func typedLocal(_ url: String, _ answer: Reason, _ code: ErrorCode) {
    var world = World.refusing(answer)
    let request = Bed.request(Bed.image([url]), .qcow2, typed: true)
    #expect(world.plan(request)?.outcomeError(for: request)?.code == code)
  }

  @Test("a clone that cannot be names the first reason and the missing pool base")
  func notCloneable() {
    let request = Bed.request(Bed.image([Bed.rbd()], format: "qcow2"))
    var world = World()
    let error = world.plan(request)?.outcomeError(for: request)
    #expect(error?.code == .notCloneable)
    #expect(error?.message.contains("'qcow2'") == true)
    #expect(error?.message.contains("bases.pool") == true)
  }

  @Test("a disk too small is told as such on every target", arguments: [Target.rbd, .qcow2, .raw])
  func sizes(_ target: Target) {
    var world = World()
    let small = Bed.request(Bed.image([Bed.rbd()]), target, size: .gib(1))
    #expect(world.plan(small)?.outcomeError(for: small)?.code == .sizeTooSmall)
    let below = Bed.request(Bed.image([Bed.rbd()], minDisk: 30), target)
    #expect(world.plan(below)?.outcomeError(for: below)?.code == .belowMinDisk)
  }

  @Test("a disk on RBD without any cluster for it is a matter of the configuration", arguments: [true, false])
  func noCluster(_ typed: Bool) {
    var world = World()
    let request = Bed.request(Bed.image([Bed.rbd()]), policy: PlanPolicy(targetCluster: "gone"), typed: typed)
    #expect(world.plan(request)?.outcomeError(for: request)?.code == .configuration)
  }

  @Test("an outage names on_direct_failed only where a download stands behind it", arguments: [(Target.qcow2, true), (.rbd, false)])
  func outageHint(_ target: Target, _ named: Bool) {
    var world = World.refusing(.timeout)
    let request = Bed.request(Bed.image([Bed.rbd()]), target)
    #expect(world.plan(request)?.outcomeError(for: request)?.hint?.contains("on_direct_failed") == named)
  }

  @Test("one passing refusal makes the whole request unavailable, also among lasting ones")
  func transientWins() {
    let request = Bed.request(Bed.image(["rbd://image", Bed.rbd()]))
    var world = World.refusing(.clusterUnreachable)
    #expect(world.plan(request)?.outcomeError(for: request)?.code == .clusterUnreachable)
  }

  @Test("a plan with a choice has no error; one with nothing at all says that there is no route")
  func others() {
    var world = World()
    let good = Bed.request(Bed.image([Bed.rbd()]))
    #expect(world.plan(good)?.outcomeError(for: good) == nil)
    var nothing = Bed.request(Bed.image([]), .qcow2)
    nothing.serviceCanServe = false
    #expect(world.plan(nothing)?.outcomeError(for: nothing)?.code == .noRoute)
  }

  @Test("every reason can be reached, and none that a plan shows reads as another")
  func everyReason() {
    var seen: Set<Reason> = []
    func see(_ request: PlanRequest, _ world: World = World()) {
      var world = world
      seen.formUnion(world.plan(request)?.candidates.map(\.reason) ?? [])
    }
    see(Bed.request(Bed.image([Bed.rbd()])))
    for url in ["", "rbd://image", "http://x", Bed.rbd(Bed.foreign), Bed.rbd(pool: "vms")] { see(Bed.request(Bed.image([url]))) }
    for url in ["file:///etc/x", Bed.rbd(Bed.foreign), "ftp://host/x"] { see(Bed.request(Bed.image([url]), .raw, typed: true)) }
    for format in ["qcow2", "qed"] { see(Bed.request(Bed.image([Bed.rbd()], format: format))) }
    see(Bed.request(Bed.image([Bed.rbd()], size: .gib(30))))
    see(Bed.request(Bed.image([Bed.rbd()], minDisk: 30)))
    var odd = Bed.image([Bed.rbd()])
    odd.containerFormat = "ova"
    see(Bed.request(odd))
    odd.containerFormat = "bare"
    odd.encrypted = true
    see(Bed.request(odd))
    for reason in [Reason.poolMissing, .sourceMissing, .snapshotMissing, .clusterUnreachable, .timeout, .permissionDenied] {
      see(Bed.request(Bed.image([Bed.rbd()])), .refusing(reason))
    }
    see(Bed.request(Bed.image([Bed.rbd()])), World { _ in .facts(ProbeFacts(cloneNeedsProtection: true)) })
    see(Bed.request(Bed.image([Bed.rbd()])), World { _ in .facts(ProbeFacts(size: .gib(3))) })
    see(Bed.request(Bed.image(["https://host/i"]), .raw, typed: true), .refusing(.sourceUnreachable))
    var copy = Bed.policy()
    copy.onNotCloneable = .copyToStore
    see(Bed.request(Bed.image([]), policy: copy))
    for facts in [
      VolumeFacts(imageName: "v"), VolumeBed.facts(project: "other"), VolumeBed.facts(status: "deleting"),
      VolumeBed.facts(host: "elsewhere"),
    ] {
      see(VolumeBed.request(), VolumeBed.world(facts))
    }
    see(VolumeBed.request(proves: true))
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd()]), .raw))
    var world = World()
    _ = world.run(&planner)
    if let choice = planner.choice { planner.fail(choice, .digestMismatch, "differs") }
    seen.formUnion(planner.plan.candidates.map(\.reason))
    let ofUploads: Set<Reason> = [.cloneUploadOff, .noUploadUser, .storeUnknown, .storeNotRBD, .locationRefused, .notInRBD]
    #expect(seen == Set(Reason.allCases).subtracting(ofUploads))
  }

  @Test("a refusal that a prober words as acceptance is still a refusal", arguments: [Reason.ok, .notTried])
  func acceptanceIsNoRefusal(_ reason: Reason) {
    var world = World.refusing(reason)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()])))?.chosen == nil)
  }
}
