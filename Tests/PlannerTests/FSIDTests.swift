import Model
import Planner
import Testing

/// When a cluster's fsid has to be asked for, and what it means when nobody answers.
@Suite struct FSIDTests {
  /// Answers fsid questions from a table (a missing one is down) and finds every snapshot.
  static func world(_ fsids: [String: String]) -> World {
    World { probe in
      guard case .fsid(let cluster) = probe else { return .facts(ProbeFacts(size: .gib(2))) }
      return fsids[cluster].flatMap { FSID($0) }.map { .fsid($0) } ?? .refused(.clusterUnreachable, "no monitor answered")
    }
  }

  @Test("an unknown fsid of the target cluster is asked for once, for all its locations")
  func askedOnce() {
    var world = Self.world(["here": Bed.here])
    let image = Bed.image([Bed.rbd(Bed.foreign), Bed.rbd()])
    #expect(world.plan(Bed.request(image, policy: Bed.policy(hereFSID: nil)))?.chosen == 1)
    #expect(world.probes.filter { $0 == .fsid(cluster: "here") }.count == 1)
  }

  @Test("a location of another known cluster needs no answer to be refused as a clone")
  func knownElsewhere() {
    var world = Self.world([:])
    #expect(
      world.plan(Bed.request(Bed.image([Bed.rbd(Bed.there)]), policy: Bed.policy(hereFSID: nil)))?.lines.first == "clone fsid_mismatch")
    #expect(world.probes.isEmpty)
  }

  @Test("a known cluster is exported from while another is down")
  func exportWhileAnotherIsDown() {
    var world = Self.world([:])
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), .qcow2, policy: Bed.policy(thereFSID: nil)))?.route == .export)
    #expect(!world.probes.contains(.fsid(cluster: "there")))
  }

  @Test("a foreign fsid is final only when every cluster's is known")
  func finalOnlyWhenAllKnown() {
    let image = Bed.image([Bed.rbd(Bed.foreign)])
    var known = Self.world([:])
    #expect(known.plan(Bed.request(image, .raw))?.lines == ["export unknown_cluster", "download ok"])
    var answered = Self.world(["there": Bed.there])
    #expect(
      answered.plan(Bed.request(image, .raw, policy: Bed.policy(thereFSID: nil)))?.lines == ["export unknown_cluster", "download ok"])
    var down = Self.world([:])
    #expect(
      down.plan(Bed.request(image, .raw, policy: Bed.policy(thereFSID: nil)))?.lines
        == ["export cluster_unreachable", "download fallback_not_allowed"])
  }

  @Test("the target cluster being down passes: no full copy for it")
  func targetDown() {
    var world = Self.world([:])
    let request = Bed.request(Bed.image([Bed.rbd()]), policy: Bed.policy(hereFSID: nil))
    let plan = world.plan(request)
    #expect(plan?.lines == ["clone cluster_unreachable", "base_clone fallback_not_allowed"])
    #expect(plan?.outcomeError(for: request)?.code == .clusterUnreachable)
  }

  @Test("what no answer could change is refused without asking")
  func staticFirst() {
    var world = Self.world([:])
    let policy = Bed.policy(hereFSID: nil)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), size: .gib(1), policy: policy))?.lines.first == "clone too_large")
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd(pool: "vms")]), policy: policy))?.lines.first == "clone pool_not_allowed")
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd("abc")]), policy: policy))?.lines.first == "clone fsid_mismatch")
    #expect(world.probes.isEmpty)
  }

  @Test("without a target cluster nothing can be cloned")
  func noTargetCluster() {
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), policy: PlanPolicy()))?.lines.first == "clone unknown_cluster")
  }

  @Test("whatever keeps a cluster from telling its fsid passes: nothing about the location is final", arguments: [Reason.poolMissing, .ok])
  func oddAnswer(_ reason: Reason) {
    var world = World.refusing(reason)
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), policy: Bed.policy(hereFSID: nil)))?.lines.first == "clone cluster_unreachable")
  }

  @Test("one cluster under two names is the target under either")
  func twoNames() {
    let policy = Bed.policy(hereFSID: Bed.here, thereFSID: Bed.here)
    var turned = policy
    turned.targetCluster = "there"
    var world = World()
    #expect(world.plan(Bed.request(Bed.image([Bed.rbd()]), policy: policy))?.route == .clone)
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd()]), policy: turned))
    #expect(world.run(&planner)?.route == .clone)
    #expect(planner.choice?.cluster == "there")
  }
}
