internal import HTTPClient
internal import Logging
internal import Model
internal import Runtime

/// How often, and after which pauses, a request that does no harm when repeated is repeated.
public struct RetryPolicy: Sendable {
  /// All tries together.
  public var attempts = 3
  /// The pause before the second try; each further one is twice as long.
  public var pause: Duration = .milliseconds(500)
  /// The longest `Retry-After` that is waited for.
  public var longestRetryAfter: Duration = .seconds(5)

  /// Three tries, after half a second and one second.
  public init() {}

  /// Runs `body`, again after a failure of the connection and after 429, 502, 503 and 504, while `context`'s deadline allows the pause.
  /// `cap` bounds each try. The last answer is returned, whatever its status; a failure becomes `image_service_unavailable` or `timeout`.
  func run<Answer: Sendable>(
    _ context: RequestContext, service: String, cap: Duration?, _ body: (Deadline) async throws -> Answer, head: (Answer) -> HTTPHead
  ) async throws -> Answer {
    var attempt = 1
    while true {
      try context.deadline.check("asking \(service)")
      let deadline = cap.map { context.deadline.capped($0) } ?? context.deadline
      var wait = pause * (1 << (attempt - 1))
      let reason: String
      let outcome: Result<Answer, HTTPError>
      do {
        let answer = try await body(deadline)
        let status = head(answer).status
        guard [429, 502, 503, 504].contains(status) else { return answer }
        reason = "HTTP \(status)"
        outcome = .success(answer)
        if let text = head(answer).headers["Retry-After"], let seconds = Int(text), seconds >= 0 {
          // Longer than we wait: no use in asking sooner.
          if .seconds(seconds) > longestRetryAfter { return answer }
          wait = max(wait, .seconds(seconds))
        }
      } catch let error as HTTPError {
        // Our own cap is the service being slow, not the caller's deadline.
        guard error.isTransient || (error.kind == .timeout && !context.deadline.hasPassed) else {
          throw error.slipwayError(.imageServiceUnavailable)
        }
        reason = error.description
        outcome = .failure(error)
      }
      let late = context.deadline.remaining.map { $0 <= wait } ?? false
      guard attempt < attempts, !late else {
        switch outcome {
        case .success(let answer): return answer
        case .failure(let error): throw unavailable(error, service)
        }
      }
      context.logger.debug("asking again", metadata: ["service": "\(service)", "reason": "\(reason)", "try": "\(attempt + 1)"])
      try await Task.sleep(for: wait)
      attempt += 1
    }
  }

  private func unavailable(_ error: HTTPError, _ service: String) -> SlipwayError {
    var known = error.slipwayError(.imageServiceUnavailable)
    known.code = .imageServiceUnavailable
    known.message = "\(service) is unavailable: \(error.description)"
    return known
  }
}
