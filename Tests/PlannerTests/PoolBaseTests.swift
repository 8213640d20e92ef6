import Model
import Planner
import Testing

/// Clones of a base in the pool: where it is there, or its bytes can be had.
@Suite struct PoolBaseTests {
  static let probe = ProbeRequest.poolBase(cluster: "here", pool: "bases", name: "n")

  func request(
    _ image: ImageDescription, size: ByteCount? = .gib(20), policy: PlanPolicy = Bed.policy(), typed: Bool = false,
    mode: PlanRequest.Mode = .spawn
  ) -> PlanRequest {
    var request = Bed.request(image, size: size, mode: mode, policy: policy, typed: typed)
    request.poolBase = PoolBasePlace(cluster: "here", pool: "bases", name: "n")
    return request
  }

  /// A world with a pool in which the base is of that size, or not there.
  func world(base: ByteCount?, _ rest: @escaping (ProbeRequest) -> ProbeResult = { _ in .facts(ProbeFacts(size: .gib(2))) }) -> World {
    World { $0 == Self.probe ? .facts(ProbeFacts(size: base)) : rest($0) }
  }

  @Test("a base that is there is cloned, and nothing is asked of any source")
  func hit() {
    var world = world(base: .gib(2))
    var planner = RoutePlanner(request(Bed.image([Bed.rbd(Bed.there)], format: "qcow2")))
    #expect(world.run(&planner)?.lines == ["clone not_raw", "base_clone ok"])
    #expect(world.probes == [Self.probe])
    #expect(planner.choice?.route == .baseClone)
    #expect(planner.choice?.cluster == "here")
  }

  @Test("one that lies in another tier is cloned there; a tier that is missing is none")
  func otherTier() {
    var wanted = request(Bed.image([Bed.rbd(Bed.there)], format: "qcow2"))
    wanted.poolBase?.others = ["lost", "slow"]
    let slow = ProbeRequest.poolBase(cluster: "here", pool: "slow", name: "n")
    let lost = ProbeRequest.poolBase(cluster: "here", pool: "lost", name: "n")
    for chosen in [ProbeResult.facts(ProbeFacts(size: nil)), .refused(.poolMissing, "there is no pool 'bases'")] {
      var world = World { probe in
        switch probe {
        case Self.probe: chosen
        case slow: .facts(ProbeFacts(size: .gib(2)))
        case lost: .refused(.poolMissing, nil)
        default: .refused(.sourceMissing, nil)
        }
      }
      var planner = RoutePlanner(wanted)
      #expect(world.run(&planner)?.lines == ["clone not_raw", "base_clone ok"])
      #expect(world.probes == [Self.probe, lost, slow])
    }
    // Its own tier is asked first, and then nobody else is.
    var world = world(base: .gib(2))
    #expect(world.plan(wanted)?.lines == ["clone not_raw", "base_clone ok"])
    #expect(world.probes == [Self.probe])
    // A base of which only its bytes will tell the name lies nowhere yet.
    wanted.poolBase?.name = nil
    var unnamed = World {
      $0 == .poolBase(cluster: "here", pool: "bases", name: nil) ? .facts(ProbeFacts(size: nil)) : .facts(ProbeFacts(size: .gib(2)))
    }
    #expect(unnamed.plan(wanted)?.route == .baseClone)
    #expect(!unnamed.probes.contains { if case .poolBase(_, "slow", _) = $0 { true } else { false } })
  }

  @Test("one that is not there is made where its bytes can be had: read as the user for exports")
  func otherCluster() throws {
    let location = try #require(RBDLocation(parsing: Bed.rbd(Bed.there)))
    var world = world(base: nil)
    #expect(world.plan(request(Bed.image([location.url])))?.lines == ["clone fsid_mismatch", "base_clone ok"])
    #expect(world.probes == [Self.probe, .rbdSnapshot(cluster: "there", location: location, as: .imageUser)])
  }

  @Test("without any location its bytes come from the image service")
  func download() {
    var world = world(base: nil)
    #expect(world.plan(request(Bed.image([], format: "qcow2")))?.lines == ["base_clone ok"])
    #expect(world.probes == [Self.probe])
  }

  @Test("an outage of their cluster is an outage, unless a download is allowed")
  func outage() {
    let image = Bed.image([Bed.rbd(Bed.there)])
    var failing = world(base: nil) { _ in .refused(.clusterUnreachable, nil) }
    let wanted = request(image)
    let plan = failing.plan(wanted)
    #expect(plan?.lines == ["clone fsid_mismatch", "base_clone cluster_unreachable"])
    #expect(plan?.outcomeError(for: wanted)?.code == .clusterUnreachable)
    var policy = Bed.policy()
    policy.onDirectFailed = .fallback
    #expect(failing.plan(request(image, policy: policy))?.lines == ["clone fsid_mismatch", "base_clone ok"])
  }

  @Test("a missing pool is told as such")
  func poolMissing() {
    var world = World { _ in .refused(.poolMissing, "there is no pool 'bases'") }
    let wanted = request(Bed.image([], format: "qcow2"))
    let plan = world.plan(wanted)
    #expect(plan?.lines == ["base_clone pool_missing"])
    #expect(plan?.outcomeError(for: wanted)?.message.contains("there is no pool 'bases'") == true)
  }

  @Test("a base that is larger than the disk is refused before anything is made")
  func tooLarge() {
    var world = world(base: .gib(30))
    #expect(world.plan(request(Bed.image([], format: "qcow2")))?.lines == ["base_clone too_large"])
  }

  @Test("a typed location that may not be read is no base either")
  func typed() {
    var image = Bed.image([Bed.rbd(pool: "secret")])
    image.id = nil
    var world = world(base: nil)
    let wanted = request(image, typed: true)
    let plan = world.plan(wanted)
    #expect(plan?.lines == ["clone pool_not_allowed", "base_clone pool_not_allowed"])
    #expect(plan?.outcomeError(for: wanted)?.code == .locationNotAllowed)
  }

  @Test("a direct way that fails for now is no reason for an import")
  func transient() {
    var world = World { $0 == Self.probe ? .facts(ProbeFacts()) : .refused(.timeout, nil) }
    #expect(world.plan(request(Bed.image([Bed.rbd()])))?.lines == ["clone timeout", "base_clone fallback_not_allowed"])
    #expect(!world.probes.contains(Self.probe))
  }

  @Test("an explained plan looks at the base behind a clone that is possible")
  func explained() {
    var world = world(base: .gib(2))
    #expect(world.plan(request(Bed.image([Bed.rbd()]), mode: .explain))?.lines == ["clone ok", "base_clone ok"])
    #expect(world.probes.contains(Self.probe))
  }

  @Test("formats and containers that nobody reads are refused without a question", arguments: ["ploop", nil])
  func formats(_ format: String?) {
    var world = world(base: nil)
    #expect(world.plan(request(Bed.image([], format: format)))?.lines == ["base_clone format_unsupported"])
    #expect(world.probes.isEmpty)
  }
}
