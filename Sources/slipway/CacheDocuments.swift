internal import Agent
internal import AgentAPI
internal import Foundation
internal import ImageStore
internal import PoolStore
internal import Runtime
internal import Wire

/// What is in the store and in the pool, as documents.
enum CacheDocuments {
  /// Of one image, or all.
  static let bases: AgentEngine.Bases = { agent, image, context in
    if let image { return try await shown(image, agent, context) }
    let entries = try await agent.bases(context: context)
    let pins = try await agent.pins(context: context)
    let foreign = try await agent.bases(sortedBy: .name, descending: false, where: BaseFilter(), context: context)
      .compactMap { ForeignBaseDocument($0) }
    let theirs = Set(foreign.map(\.name))
    return CacheDocument(
      store: agent.storePath, bases: entries.compactMap { BaseDocument($0, pin: pins[$0.name]) }, foreign: foreign,
      unknown: entries.filter { $0.state.record == nil && !theirs.contains($0.name) }.map(\.name),
      pool: PoolBasesDocument(try await agent.poolBases(context: context)))
  }

  /// All that is known of one image's bases.
  static let shown: @Sendable (String, Agent, RequestContext) async throws -> CacheDocument = { image, agent, context in
    let (entries, pooled) = try await agent.basesEverywhere(of: image, context: context)
    let outlook = entries.isEmpty ? [:] : try await agent.cleanOutlook(of: entries.map(\.name), context: context)
    let disks = try await agent.poolChildren(of: pooled.bases, context: context)
    let poolVerdicts = pooled.bases.isEmpty ? [:] : try await agent.poolVerdicts(context: context)
    let pins = try await agent.pins(context: context)
    let shown = Set(entries.map(\.name))
    let foreign = try await agent.bases(sortedBy: .name, descending: false, where: BaseFilter(), context: context)
      .filter { shown.contains($0.name.text) }.compactMap { base in
        ForeignBaseDocument(base, clean: outlook[base.name.text].map { .init($0) })
      }
    let theirs = Set(foreign.map(\.name))
    return CacheDocument(
      store: agent.storePath,
      bases: entries.compactMap { BaseDocument($0, pin: pins[$0.name], clean: outlook[$0.name].map { .init($0) }) },
      foreign: foreign, unknown: entries.filter { $0.state.record == nil && !theirs.contains($0.name) }.map(\.name),
      pool: PoolBasesDocument(pooled, disks: disks, clean: poolVerdicts))
  }
}
