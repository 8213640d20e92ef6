public import Agent
internal import Disks
internal import Foundation
internal import ImageStore
internal import LibvirtReport
internal import Model
public import OpenStack
public import Runtime
public import Wire

/// The agent of this process.
public struct AgentEngine: Engine {
  /// Answers what is in the store and in the pool, of one image or of all.
  public typealias Bases = @Sendable (Agent, String?, RequestContext) async throws -> CacheDocument

  /// The agent.
  public let agent: Agent
  private let listBases: Bases

  /// An engine; `bases` writes the document of the bases.
  public init(_ agent: Agent, bases: @escaping Bases) {
    self.agent = agent
    listBases = bases
  }

  public func createDisk(_ request: DiskRequestDocument, token: Secret?, _ context: RequestContext) async throws -> DiskDocument {
    let name = try DiskName(request.name)
    let target = try word(request.target, "target", Target.self)
    let choices = try request.element.choices()
    let mode = try word(request.attachMode, "attach_mode", DiskAttachment.Mode.self) ?? .both
    let answer = try await agent.createDisk(
      name, from: request.wanted(token, tier: request.tier), target: target, size: try request.size.map { try size($0, "size") },
      context: context)
    var view = try await view(of: answer.info, choices, always: request.xml ?? false, context)
    var attachment: DiskAttachment?
    if let domain = request.attach {
      let made = try await agent.attach(
        answer.info, to: domain, mode: mode, choices: choices, isFirm: request.device != nil, context: context)
      view?.element.choices.device = made.device
      attachment = made
    }
    var document = DiskDocument(answer.info, outcome: answer.outcome, route: answer.route, seconds: answer.duration.seconds)
    document.libvirt = view.map { DiskDocument.LibvirtView($0, attachment) }
    return document
  }

  public func disks(_ context: RequestContext) async throws -> DiskListDocument {
    var (disks, unreadable, failed) = await agent.disks(context: context)
    try Task.checkCancellation()
    var use: DiskUse?
    do {
      use = try await agent.use(of: disks, context: context)
    } catch {
      failed.append(SlipwayError.wrap(error))
    }
    try Task.checkCancellation()
    let leftovers = use?.leftovers.map { DiskListDocument.Leftover(kind: $0.kind.rawValue, path: $0.path, domain: $0.domain) }
    let documents = disks.map { info in
      var document = DiskDocument(info)
      document.domains = use?.domains[info.path]
      return document
    }
    return DiskListDocument(
      disks: documents, leftovers: leftovers, unreadable: unreadable.map { ($0.path, $0.error) }, unavailable: failed)
  }

  public func disk(_ name: String, element: ElementWishes, _ context: RequestContext) async throws -> DiskDocument {
    let choices = try element.choices()
    let info = try await agent.disk(DiskName(name), context: context)
    var document = DiskDocument(info)
    document.libvirt = try await view(of: info, choices, always: element.always, context).map { DiskDocument.LibvirtView($0, nil) }
    return document
  }

  public func deleteDisk(_ name: String, detach: Bool, _ context: RequestContext) async throws -> DeletionDocument {
    let start = ContinuousClock.now
    let deleted = try await agent.deleteDisk(DiskName(name), detach: detach, context: context)
    return DeletionDocument(name: name, deleted: deleted, seconds: (ContinuousClock.now - start).seconds)
  }

  public func resizeDisk(_ name: String, to size: Int64, _ context: RequestContext) async throws -> DiskChangeDocument {
    let (name, bytes, start) = (try DiskName(name), try AgentAPI.size(size, "size"), ContinuousClock.now)
    let change = try await agent.resizeDisk(name, to: bytes, context: context)
    return DiskChangeDocument(change, outcome: change.isChanged ? "resized" : "unchanged", start)
  }

  public func flattenDisk(_ name: String, _ context: RequestContext) async throws -> DiskChangeDocument {
    let start = ContinuousClock.now
    let change = try await agent.flattenDisk(DiskName(name), context: context)
    return DiskChangeDocument(change, outcome: change.isChanged ? "flattened" : "unchanged", start)
  }

  public func fetch(_ request: FetchRequestDocument, token: Secret?, _ context: RequestContext) async throws -> FetchDocument {
    let format = try word(request.format, "format", BaseFormat.self)
    let answer = try await agent.fetch(request.wanted(token), format: format, context: context)
    return FetchDocument(
      image: answer.image, path: answer.path, format: answer.record.identity.format.rawValue,
      virtualSize: answer.record.virtualSize.bytes, route: answer.route, outcome: answer.route == nil ? "hit" : "fetched",
      bytes: answer.tally, evidence: answer.record.evidence, seconds: answer.duration.seconds)
  }

  public func plan(_ request: PlanRequestDocument, token: Secret?, _ context: RequestContext) async throws -> PlanDocument {
    let answer = try await agent.plan(
      request.wanted(token, tier: request.tier), target: word(request.target, "target", Target.self),
      size: try request.size.map { try size($0, "size") },
      context: context)
    return PlanDocument(
      image: answer.image, plan: answer.plan, cached: answer.cached, policy: answer.policy.map { PolicyDocument($0) },
      error: answer.failure, convert: answer.convert?.rawValue)
  }

  public func bases(of image: String?, _ context: RequestContext) async throws -> CacheDocument {
    try await listBases(agent, image, context)
  }

  public func parts(_ context: RequestContext) async -> [ReadinessDocument.Part] {
    await agent.parts(context).map { ReadinessDocument.Part(name: $0.name, ready: $0.problem == nil, detail: $0.problem) }
  }

  /// The element of a disk: where there is a libvirt, or where it is asked for. A disk that is there is not failed by what cannot be said of it, unless
  /// that was asked for.
  private func view(of info: DiskInfo, _ choices: DiskElement.Choices, always: Bool, _ context: RequestContext) async throws -> SpokenView?
  {
    guard always || agent.hasLibvirt else { return nil }
    do {
      let view = try await agent.libvirtView(of: info, choices: choices, context: context)
      return SpokenView(pool: view.pool, volume: view.volume, element: view.element)
    } catch {
      if always { throw error }
      context.log(.warning, "libvirt is not told how to use disk \(info.path): \(error)")
      return nil
    }
  }
}
