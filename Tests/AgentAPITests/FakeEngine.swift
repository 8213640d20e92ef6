import AgentAPI
import Foundation
import Logging
import Model
import OpenStack
import Runtime
import Testing
import Wire

/// An agent that does as it is told.
final class FakeEngine: Engine {
  struct State: Sendable {
    var made: [String] = []
    var deleted: [String] = []
    var tokens: [String?] = []
    var begun = 0
    var cancelled = 0
    var isOpen = true
    var failure: SlipwayError?
  }
  let state = Locked(State())

  /// While it is closed, what was asked for goes on.
  func close() { state.with { $0.isOpen = false } }
  func open() { state.with { $0.isOpen = true } }

  private func work(_ context: RequestContext) async throws {
    state.with { $0.begun += 1 }
    var step: Int64 = 0
    while !state.with({ $0.isOpen }) {
      step += 1
      context.progress(Model.Progress(phase: .transferring, position: step, total: 1 << 20))
      do {
        try await Task.sleep(for: .milliseconds(5))
      } catch {
        state.with { $0.cancelled += 1 }
        throw error
      }
    }
    if let failure = state.with({ $0.failure }) { throw failure }
  }

  static func disk(_ name: String, _ outcome: String?) -> DiskDocument {
    DiskDocument(
      name: name, target: .qcow2, route: .export, source: nil, size: 1 << 20, base: "/b", path: "/d/\(name)", image: "i", outcome: outcome,
      state: "ready", created: "t", seconds: 0.5)
  }

  func createDisk(_ request: DiskRequestDocument, token: Secret?, _ context: RequestContext) async throws -> DiskDocument {
    state.with { $0.tokens.append(token?.value) }
    try await work(context)
    let isNew = state.with { state in
      defer { state.made.append(request.name) }
      return !state.made.contains(request.name)
    }
    return Self.disk(request.name, isNew ? "created" : "existing")
  }
  func disks(_ context: RequestContext) async throws -> DiskListDocument {
    DiskListDocument(disks: state.with { $0.made }.map { Self.disk($0, nil) }, unavailable: [])
  }
  func disk(_ name: String, element: ElementWishes, _ context: RequestContext) async throws -> DiskDocument {
    let name = try DiskName(name).text
    guard state.with({ $0.made.contains(name) }) else { throw SlipwayError(.diskNotFound, "there is no disk '\(name)'", object: name) }
    return Self.disk(name, nil)
  }
  func deleteDisk(_ name: String, detach: Bool, _ context: RequestContext) async throws -> DeletionDocument {
    let was = state.with { state in
      defer {
        state.made.removeAll { $0 == name }
        state.deleted.append(name)
      }
      return state.made.contains(name)
    }
    return DeletionDocument(name: name, deleted: was, seconds: 0)
  }
  func resizeDisk(_ name: String, to size: Int64, _ context: RequestContext) async throws -> DiskChangeDocument {
    DiskChangeDocument(name: name, path: "/d/\(name)", size: size, base: nil, outcome: "resized", domains: [], seconds: 0)
  }
  func flattenDisk(_ name: String, _ context: RequestContext) async throws -> DiskChangeDocument {
    try await work(context)
    return DiskChangeDocument(name: name, path: "/d/\(name)", size: 1, base: nil, outcome: "flattened", domains: [], seconds: 0)
  }
  func fetch(_ request: FetchRequestDocument, token: Secret?, _ context: RequestContext) async throws -> FetchDocument {
    state.with { $0.tokens.append(token?.value) }
    try await work(context)
    return FetchDocument(
      image: request.image, path: "/b/x.qcow2", format: "qcow2", virtualSize: 1 << 20, route: nil, outcome: "hit", bytes: ByteTally(),
      evidence: Evidence(
        verdict: .none, computed: nil, expected: nil, expectedFrom: nil, sourceSize: ByteCount(1), inspectedFormat: "raw", verifiedAt: "t"),
      seconds: 0)
  }
  func prewarm(_ request: PrewarmRequestDocument, _ context: RequestContext) async throws -> PrewarmDocument {
    try await work(context)
    return PrewarmDocument(images: [], seconds: 0)
  }
  func plan(_ request: PlanRequestDocument, token: Secret?, _ context: RequestContext) async throws -> PlanDocument {
    PlanDocument(image: request.image, plan: Plan(target: .rbd, chosen: nil, candidates: []), cached: false)
  }
  func bases(of image: String?, _ context: RequestContext) async throws -> CacheDocument {
    if let image { throw SlipwayError(.baseNotFound, "there is no base of '\(image)'", object: image) }
    return CacheDocument(store: "/s", bases: [])
  }
  func parts(_ context: RequestContext) async -> [ReadinessDocument.Part] { [.init(name: "store", ready: true)] }
}

/// An API over a fake agent.
struct Bed: Sendable {
  let engine = FakeEngine()
  let api: API
  let operations: Operations

  init(locations: Set<String>? = nil, journal: Journal? = nil, atOnce: Int = 64) {
    operations = Operations(atOnce: atOnce)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    api = API(
      .init(engine: engine, locationSchemes: locations, mark: "m", store: "/s"), operations: operations, journal: journal, logger: logger)
  }

  /// Asks; the answer with its document.
  func ask(
    _ method: String, _ target: String, _ body: String? = nil, headers: [String: String] = [:], role: Role = .full
  ) async -> Answer {
    var headers = headers
    if body != nil, headers["content-type"] == nil { headers["content-type"] = "application/json" }
    return Answer(await api.respond(to: APIRequest(method, target, headers: headers, body: Array((body ?? "").utf8), role: role)))
  }

  /// Waits patiently.
  func until(_ what: String, _ condition: @Sendable () -> Bool) async throws {
    for _ in 0..<6000 {
      if condition() { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it never came that \(what)")
  }
}

/// An answer, to be looked into.
struct Answer {
  let response: APIResponse
  init(_ response: APIResponse) { self.response = response }
  var status: Int { response.status }
  var bytes: [UInt8] { if case .bytes(let bytes) = response.body { bytes } else { [] } }
  func header(_ name: String) -> String? { response.headers.first { $0.name == name }?.value }
  func problem() throws -> ProblemDocument {
    #expect(response.type == "application/problem+json")
    return try WireCoding.decode(ProblemDocument.self, bytes)
  }
  func operation() throws -> OperationDocument { try WireCoding.decode(OperationDocument.self, bytes) }
  func disk() throws -> DiskDocument { try WireCoding.decode(DiskDocument.self, bytes) }
}
