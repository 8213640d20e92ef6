import Model
import Planner
import Testing

/// Images in volumes of Cinder.
enum VolumeBed {
  static let id = Bed.foreign
  static let url = "cinder://\(id)"
  static let host = "stack@ceph#pool"
  static let image = ProbeRequest.volume(id: id)

  static func policy(_ backends: [String: VolumeBackend] = [host: VolumeBackend(cluster: "here", pool: "volumes")]) -> PlanPolicy {
    var policy = Bed.policy()
    policy.allowedSchemes.insert("cinder")
    policy.volumeBackends = backends
    return policy
  }

  static func request(
    _ urls: [String] = [url], _ target: Target = .rbd, owner: String? = "p", size: ByteCount? = .gib(20), imageSize: ByteCount? = .gib(2),
    format: String = "raw", policy: PlanPolicy = policy(), proves: Bool = false, mode: PlanRequest.Mode = .spawn,
    change: (inout ImageDescription) -> Void = { _ in }
  ) -> PlanRequest {
    var image = Bed.image(urls, format: format, size: imageSize)
    image.owner = owner
    change(&image)
    var request = Bed.request(image, target, size: size, mode: mode, policy: policy)
    request.provesClones = proves
    return request
  }

  static func facts(
    project: String? = "p", owner: String? = nil, status: String = "available", host: String = host, encrypted: Bool = false
  ) -> VolumeFacts {
    VolumeFacts(
      imageName: "volume-\(id)", status: status, encrypted: encrypted, hosts: [host], project: project, imageOwner: owner)
  }

  static func world(_ facts: VolumeFacts = facts(), size: ByteCount = .gib(2)) -> World {
    World { probe in
      switch probe {
      case .volume: .volume(facts)
      default: .facts(ProbeFacts(size: size, objectOrder: 22, version: "f 1 i"))
      }
    }
  }
}

@Suite struct VolumeTests {
  private func first(_ request: PlanRequest, _ world: World = VolumeBed.world()) -> Reason? {
    var world = world
    return world.plan(request)?.candidates.first?.reason
  }

  @Test(
    "raw and bare, the owner's, of a backend that is configured: cloned (E1)", arguments: [VolumeBed.url, "cinder://store/\(VolumeBed.id)"])
  func cloned(_ url: String) throws {
    var world = VolumeBed.world()
    var planner = RoutePlanner(VolumeBed.request([url]))
    #expect(world.run(&planner)?.lines.first == "cinder_clone ok")
    let choice = try #require(planner.choice)
    #expect(choice.route == .cinderClone && choice.cluster == "here")
    #expect(choice.volume?.pool == "volumes" && choice.volume?.image == "volume-\(VolumeBed.id)")
    #expect(world.probes.first == VolumeBed.image && world.probes.count == 2)
  }

  @Test("another project's volume is the image's only if it says so (E2, E3)")
  func owner() {
    #expect(first(VolumeBed.request(), VolumeBed.world(VolumeBed.facts(project: "other"))) == .ownerMismatch)
    #expect(first(VolumeBed.request(), VolumeBed.world(VolumeBed.facts(project: "other", owner: "q"))) == .ownerMismatch)
    #expect(first(VolumeBed.request(), VolumeBed.world(VolumeBed.facts(project: "other", owner: "p"))) == .ok)
    #expect(first(VolumeBed.request(), VolumeBed.world(VolumeBed.facts(project: nil))) == .ownerMismatch)
    #expect(first(VolumeBed.request(owner: nil), VolumeBed.world(VolumeBed.facts(project: nil))) == .ownerMismatch)
  }

  @Test("what the description rules out asks nobody (E4)")
  func description() {
    func see(_ request: PlanRequest, _ reason: Reason) {
      var world = VolumeBed.world()
      #expect(world.plan(request)?.candidates.first?.reason == reason)
      #expect(world.probes.isEmpty)
    }
    for target in [Target.rbd, .raw] {
      see(VolumeBed.request([VolumeBed.url], target, format: "qcow2"), .notRaw)
      see(VolumeBed.request([VolumeBed.url], target) { $0.containerFormat = "ova" }, .containerNotBare)
      see(VolumeBed.request([VolumeBed.url], target) { $0.encrypted = true }, .encrypted)
      see(VolumeBed.request([VolumeBed.url], target, policy: VolumeBed.policy([:])), .backendNotAllowed)
      var policy = VolumeBed.policy()
      policy.allowedSchemes.remove("cinder")
      see(VolumeBed.request([VolumeBed.url], target, policy: policy), .schemeNotAllowed)
    }
    see(VolumeBed.request(size: .gib(1)), .tooLarge)
    see(VolumeBed.request(proves: true), .volumeMutable)
  }

  @Test("an encrypted volume is neither cloned nor read (E5)", arguments: [Target.rbd, .qcow2])
  func encrypted(_ target: Target) {
    #expect(first(VolumeBed.request([VolumeBed.url], target), VolumeBed.world(VolumeBed.facts(encrypted: true))) == .encrypted)
  }

  @Test(
    "a volume that is being made, moved or removed is left alone",
    arguments: [
      ("available", Reason.ok), ("in-use", .ok), ("creating", .volumeNotReady), ("deleting", .volumeNotReady), ("error", .volumeNotReady),
      ("downloading", .volumeNotReady), ("", .volumeNotReady),
    ])
  func status(_ status: String, _ reason: Reason) {
    #expect(first(VolumeBed.request(), VolumeBed.world(VolumeBed.facts(status: status))) == reason)
  }

  @Test(
    "a backend is known by its host, with Cinder's pool or without",
    arguments: [
      ("stack@ceph#pool", Reason.ok), ("stack@ceph", .ok), ("stack@ceph#other", .backendNotAllowed), ("stack", .backendNotAllowed),
    ])
  func backend(_ key: String, _ reason: Reason) {
    let policy = VolumeBed.policy([key: VolumeBackend(cluster: "here", pool: "volumes")])
    #expect(first(VolumeBed.request(policy: policy)) == reason)
  }

  @Test("an active-active backend is known by its cluster of hosts, too")
  func clusterOfHosts() {
    var facts = VolumeBed.facts(host: "one@ceph#pool")
    facts.hosts.append("both@ceph#pool")
    let policy = VolumeBed.policy(["both@ceph": VolumeBackend(cluster: "here", pool: "volumes")])
    #expect(first(VolumeBed.request(policy: policy), VolumeBed.world(facts)) == .ok)
  }

  @Test("a service that does not tell the host is told as such")
  func hidden() throws {
    var facts = VolumeBed.facts()
    facts.hosts = []
    var world = VolumeBed.world(facts)
    let candidate = try #require(world.plan(VolumeBed.request())?.candidates.first)
    #expect(candidate.reason == .backendNotAllowed)
    #expect(candidate.detail?.contains("role admin") == true)
  }

  @Test("a volume of another cluster is no clone, and its bytes are read where it lies")
  func otherCluster() {
    let policy = VolumeBed.policy([VolumeBed.host: VolumeBackend(cluster: "there", pool: "volumes")])
    #expect(first(VolumeBed.request(policy: policy)) == .fsidMismatch)
    var world = VolumeBed.world()
    var planner = RoutePlanner(VolumeBed.request([VolumeBed.url], .raw, policy: policy))
    #expect(world.run(&planner)?.lines == ["export ok", "download not_tried"])
    #expect(planner.choice?.cluster == "there" && planner.choice?.volume?.pool == "volumes")
  }

  @Test("a volume is whole GiB: larger than its image, never smaller; the disk must hold it")
  func sizes() {
    #expect(first(VolumeBed.request(size: nil, imageSize: ByteCount(5)), VolumeBed.world(size: .gib(1))) == .ok)
    #expect(first(VolumeBed.request(imageSize: .gib(3)), VolumeBed.world(size: .gib(2))) == .sizeMismatch)
    #expect(first(VolumeBed.request(size: ByteCount(512 << 20), imageSize: ByteCount(5)), VolumeBed.world(size: .gib(1))) == .tooLarge)
    // A local disk is as large as the image, not as its volume.
    let local = VolumeBed.request([VolumeBed.url], .raw, size: ByteCount(512 << 20), imageSize: ByteCount(5))
    #expect(first(local, VolumeBed.world(size: .gib(1))) == .ok)
  }

  @Test("an outage of Cinder bars the descent to a download, a volume that is gone does not")
  func outage() {
    var failing = World { _ in .refused(.sourceUnreachable, "no answer") }
    #expect(
      failing.plan(VolumeBed.request([VolumeBed.url], .raw))?.lines == ["export source_unreachable", "download fallback_not_allowed"])
    var gone = World { _ in .refused(.sourceMissing, "gone") }
    #expect(gone.plan(VolumeBed.request([VolumeBed.url], .raw))?.lines == ["export source_missing", "download ok"])
  }

  @Test("a volume told twice, with its store and without, counts once")
  func once() {
    var world = VolumeBed.world()
    let plan = world.plan(VolumeBed.request([VolumeBed.url, "cinder://store/\(VolumeBed.id)"], mode: .explain))
    #expect(plan?.candidates.filter { $0.route == .cinderClone }.count == 1)
  }

  @Test("a clone in the same cluster comes before what else the image service tells, in its order")
  func order() {
    var world = VolumeBed.world()
    let plan = world.plan(VolumeBed.request([Bed.rbd(Bed.there), VolumeBed.url]))
    #expect(plan?.lines == ["clone fsid_mismatch", "cinder_clone ok", "base_clone not_tried"])
  }

  @Test("whoever types a volume's location is told to name its image")
  func typed() {
    var request = VolumeBed.request()
    request.operatorLocations = true
    #expect(first(request) == .schemeUnsupported)
  }

  @Test("an answer of another kind is no answer")
  func nonsense() {
    var world = World { _ in .facts(ProbeFacts(size: .gib(2))) }
    #expect(world.plan(VolumeBed.request())?.candidates.first?.reason == .sourceUnreachable)
  }
}
