import Model
import Planner

/// The words of the planner's tests: two clusters, an image with locations, and a world that answers probes.
enum Bed {
  static let here = "11111111-1111-1111-1111-111111111111"
  static let there = "22222222-2222-2222-2222-222222222222"
  static let foreign = "33333333-3333-3333-3333-333333333333"
  static let id = ImageID("0d1e2f3a-0000-4000-8000-000000000001")

  static func rbd(_ fsid: String = here, pool: String = "images", image: String = "img") -> String {
    RBDLocation(fsid: fsid, pool: pool, image: image, snapshot: "snap").url
  }

  static func image(_ urls: [String], format: String? = "raw", size: ByteCount? = .gib(2), minDisk: Int64 = 0) -> ImageDescription {
    ImageDescription(id: id, diskFormat: format, size: size, minDiskGiB: minDisk, locations: urls.map { Location(url: $0) })
  }

  static func policy(hereFSID: String? = here, thereFSID: String? = there) -> PlanPolicy {
    PlanPolicy(
      clusters: [
        KnownCluster(name: "here", fsid: hereFSID.flatMap { FSID($0) }, imagePools: ["images"]),
        KnownCluster(name: "there", fsid: thereFSID.flatMap { FSID($0) }, imagePools: ["images"]),
      ], targetCluster: "here")
  }

  static func request(
    _ image: ImageDescription, _ target: Target = .rbd, size: ByteCount? = .gib(20), mode: PlanRequest.Mode = .spawn,
    policy: PlanPolicy = policy(), typed: Bool = false
  ) -> PlanRequest {
    PlanRequest(
      image: image, target: target, size: size, mode: mode, policy: policy, operatorLocations: typed, serviceCanServe: typed ? false : nil)
  }
}

/// Answers probes and remembers them.
struct World {
  var answer: (ProbeRequest) -> ProbeResult = { _ in .facts(ProbeFacts(size: .gib(2), objectOrder: 22)) }
  var probes: [ProbeRequest] = []

  init() {}
  init(_ answer: @escaping (ProbeRequest) -> ProbeResult) { self.answer = answer }

  /// Everything is refused for `reason`.
  static func refusing(_ reason: Reason) -> World { World { _ in .refused(reason, nil) } }

  /// Runs a planner to its end.
  mutating func run(_ planner: inout RoutePlanner) -> Plan? {
    for _ in 0..<100 {
      switch planner.next() {
      case .decided(let plan): return plan
      case .wait: return nil
      case .probe(let probe):
        probes.append(probe)
        planner.record(answer(probe), for: probe)
      }
    }
    return nil
  }

  mutating func plan(_ request: PlanRequest) -> Plan? {
    var planner = RoutePlanner(request)
    return run(&planner)
  }
}

extension Plan {
  /// `route reason` of each candidate, in order.
  var lines: [String] { candidates.map { "\($0.route.rawValue) \($0.reason.rawValue)" } }
}
