internal import Ceph
internal import Model
internal import Planner
internal import Runtime

/// Going through the sources of an image's bytes, in the order of a plan.
struct SourceCandidates {
  let agent: Agent
  let image: ResolvedImage
  let context: RequestContext

  /// Tries the plan's candidates with `body` until one succeeds. A digest that does not match lets one more source try, and ends the request then.
  ///
  /// Nil when the next one to try is one that `stop` is said for.
  func first<Value>(
    _ planner: inout RoutePlanner, stop: (Choice) -> Bool = { _ in false }, _ body: (Choice) async throws -> Value
  ) async throws -> Value? {
    var mismatches = 0
    var last: SlipwayError?
    while true {
      let plan = try await agent.drive(&planner, context)
      guard let choice = planner.choice else { throw last ?? agent.outcomeError(plan, planner) ?? agent.noRoute(image) }
      if stop(choice) { return nil }
      context.log(.info, "transferring", ["image": image.key, "route": choice.route.rawValue])
      do {
        return try await attempt(choice, body)
      } catch let error as SlipwayError {
        try Task.checkCancellation()
        guard let reason = reason(for: error) else { throw error }
        context.log(.warning, "a source failed", ["image": image.key, "route": choice.route.rawValue, "error": error.message])
        last = error
        if reason == .digestMismatch || reason == .sizeMismatch {
          mismatches += 1
          if mismatches > 1 { throw error }
        }
        planner.fail(choice, reason, error.message)
      }
    }
  }

  /// What a failure in use says about a candidate; nil for one that another source would not mend.
  private func reason(for error: SlipwayError) -> Reason? {
    switch error.code {
    case .digestMismatch: .digestMismatch
    case .sizeMismatch: .sizeMismatch
    case .sourceNotFound: .sourceMissing
    case .permissionDenied: .permissionDenied
    case .clusterUnreachable: .clusterUnreachable
    case .sourceFailed: .sourceUnreachable
    // The source's own timeout, not the caller's.
    case .timeout: context.deadline.hasPassed || error.cause is ConversionEnded ? nil : .timeout
    default: nil
    }
  }

  /// One candidate. A download that broke where it cannot resume begins again, twice at most.
  private func attempt<Value>(_ choice: Choice, _ body: (Choice) async throws -> Value) async throws -> Value {
    var tries = choice.route == .download ? 3 : 1
    // Whoever holds one waits for no other base, so that nobody waits in a circle.
    try await agent.transfers.take(1, priority: context.priority)
    defer { agent.transfers.give(1) }
    while true {
      tries -= 1
      do {
        return try await body(choice)
      } catch let error as SlipwayError where error.code == .sourceFailed && tries > 0 {
        try context.deadline.check("downloading \(image.key)")
        context.log(.warning, "the download broke; beginning again", ["image": image.key, "error": error.message])
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }
}
