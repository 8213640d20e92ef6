internal import Agent
internal import Configuration
internal import ImageStore
internal import Model
internal import OpenStack
public import Runtime
public import Wire

extension AgentEngine {
  public func prewarm(_ request: PrewarmRequestDocument, _ context: RequestContext) async throws -> PrewarmDocument {
    try await prewarm(request, context) { _ in }
  }

  /// As `prewarm`, and tells each outcome as it comes.
  public func prewarm(
    _ request: PrewarmRequestDocument, _ context: RequestContext, done: @escaping @Sendable (PrewarmDocument.Entry) -> Void
  ) async throws -> PrewarmDocument {
    let start = ContinuousClock.now
    let settings = agent.configuration.prewarm
    try request.check()
    let chosen = try request.set.map { try agent.prewarmSet(named: $0) }
    let wanted: PrewarmRequest.Wanted
    if let chosen {
      wanted = chosen.wanted
    } else if let tag = request.tag {
      wanted = .selection(.tag(tag))
    } else if request.allPublic == true {
      wanted = .selection(.allPublic)
    } else {
      wanted = .images(try (request.images ?? []).map { try ImageReference(parsing: $0) })
    }
    let rate = request.rate.map { ByteCount($0) }
    let asked = PrewarmRequest(
      wanted: wanted, format: try word(request.format, "format", BaseFormat.self), jobs: request.jobs ?? settings.jobs,
      rate: rate ?? settings.rate, keep: chosen?.keep)
    let outcomes = try await agent.prewarm(asked, context: context) { done(PrewarmDocument.Entry($0)) }
    return PrewarmDocument(images: outcomes.map { PrewarmDocument.Entry($0) }, seconds: (ContinuousClock.now - start).seconds)
  }
}

extension PrewarmDocument.Entry {
  init(_ outcome: PrewarmOutcome) {
    self.init(
      image: outcome.image, outcome: outcome.word.rawValue, path: outcome.answer?.path, route: outcome.answer?.route,
      bytes: outcome.answer?.tally, error: outcome.error)
  }
}
