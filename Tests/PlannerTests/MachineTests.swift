import Model
import Planner
import Testing

/// How the machine is driven: stopping early, looking at everything, in parallel, under a deadline.
@Suite struct MachineTests {
  static let two = Bed.image([Bed.rbd(), Bed.rbd(Bed.there)])

  @Test("explain looks at every candidate and still chooses the first")
  func explainsAll() {
    var world = World()
    let plan = world.plan(Bed.request(Self.two, .qcow2, mode: .explain))
    #expect(plan?.lines == ["export ok", "export ok", "download ok"])
    #expect(plan?.chosen == 0)
    #expect(world.probes.count == 2)
  }

  @Test("explain: an outage of one direct way does not close the download while another direct way is open")
  func explainWithOneOutage() {
    var world = World { if case .rbdSnapshot("here", _, _) = $0 { .refused(.timeout, nil) } else { .facts(ProbeFacts()) } }
    let plan = world.plan(Bed.request(Self.two, .qcow2, mode: .explain))
    #expect(plan?.lines == ["export timeout", "export ok", "download ok"])
    #expect(plan?.chosen == 1)
  }

  @Test("explain hands out all questions before it waits, and takes the answers in any order")
  func parallel() {
    var planner = RoutePlanner(Bed.request(Self.two, .qcow2, mode: .explain))
    var open: [ProbeRequest] = []
    while case .probe(let probe) = planner.next() { open.append(probe) }
    #expect(open.count == 2)
    #expect(planner.next() == .wait)
    planner.record(.facts(ProbeFacts(size: .gib(2))), for: open[1])
    #expect(planner.next() == .wait)
    planner.record(.refused(.snapshotMissing, nil), for: open[0])
    guard case .decided(let plan) = planner.next() else { return #expect(Bool(false), "not decided") }
    #expect(plan.lines == ["export snapshot_missing", "export ok", "download ok"])
  }

  @Test("spawn asks one question at a time")
  func spawnIsSequential() {
    var planner = RoutePlanner(Bed.request(Self.two, .qcow2))
    guard case .probe = planner.next() else { return #expect(Bool(false), "no question") }
    #expect(planner.next() == .wait)
  }

  @Test("what is open when the deadline passes is a timeout, and the plan is decided")
  func expires() {
    var planner = RoutePlanner(Bed.request(Self.two, .qcow2, mode: .explain, policy: Bed.policy(hereFSID: nil, thereFSID: nil)))
    _ = planner.next()
    planner.expire()
    guard case .decided(let plan) = planner.next() else { return #expect(Bool(false), "not decided") }
    #expect(plan.lines == ["export timeout", "export timeout", "download fallback_not_allowed"])
    #expect(plan.outcomeError(for: planner.request)?.code == .timeout)
  }

  @Test("the first answer to a question counts")
  func firstAnswerCounts() {
    var planner = RoutePlanner(Bed.request(Bed.image([Bed.rbd()]), .qcow2))
    guard case .probe(let probe) = planner.next() else { return #expect(Bool(false), "no question") }
    planner.record(.facts(ProbeFacts()), for: probe)
    planner.record(.refused(.timeout, nil), for: probe)
    #expect(planner.plan.route == .export)
  }

  @Test("no secret of a URL is in the plan")
  func redacted() {
    var world = World.refusing(.sourceUnreachable)
    let plan = world.plan(Bed.request(Bed.image(["https://me:hunter2@host/i?sig=hunter2"]), .qcow2, typed: true))
    let texts = plan?.candidates.flatMap { [$0.url, $0.detail] }.compactMap { $0 } ?? []
    #expect(!texts.isEmpty && !texts.contains { $0.contains("hunter2") })
  }
}
