internal import Agent
internal import Configuration
internal import ImageStore
internal import Model
internal import Runtime
internal import ServiceLifecycle
internal import Wire

/// What the daemon does by itself: cleaning, scrubbing, sets that are kept warm, connections that are looked after. Each with jitter, so that a rack that was
/// switched on together does not work in step; none while the host is in maintenance.
struct Timers: Service {
  let engine: @Sendable () -> AgentEngine
  let context: @Sendable () -> RequestContext
  let atBoot: Bool

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await repeating("connections", { _ in .seconds(30) }) { await engine().agent.tendConnections($0) } }
        group.addTask { await repeating("measure", { _ in .seconds(60) }) { try await measure($0) } }
        group.addTask {
          await repeating("clean", { $0.clean.every }) { context in
            _ = try await engine().agent.clean(dryRun: false, context: context)
            _ = try await engine().agent.cleanPool(dryRun: false, context: context)
          }
        }
        group.addTask {
          await repeating("scrub", { $0.scrub.every }) { context in
            let agent = engine().agent
            _ = try await agent.verify(nil, rate: agent.configuration.scrub.rate, refetch: false, context: context)
          }
        }
        for set in engine().agent.configuration.prewarm.sets {
          group.addTask {
            if atBoot, set.atBoot { await once("prewarm") { try await bring(set.name, $0) } }
            await repeating("prewarm", { $0.prewarm.sets.first { $0.name == set.name }?.every ?? .zero }) { try await bring(set.name, $0) }
          }
        }
        await group.waitForAll()
      }
    }
  }

  private func bring(_ set: String, _ context: RequestContext) async throws {
    var request = PrewarmRequestDocument()
    request.set = set
    _ = try await engine().prewarm(request, context)
  }

  private func measure(_ context: RequestContext) async throws {
    let bases = try await engine().agent.bases(context: context)
    Metric.storeBases.set(Double(bases.count))
    Metric.storeBytes.set(Double(bases.reduce(0) { $0 + $1.allocated.bytes }))
  }

  /// Runs `body` every `interval` of the configuration of then, a tenth more or less; zero is never, looked at again each minute.
  private func repeating(
    _ name: String, _ interval: @escaping @Sendable (Configuration) -> Duration,
    _ body: @escaping @Sendable (RequestContext) async throws -> Void
  ) async {
    while !Task.isCancelled {
      let every = interval(engine().agent.configuration)
      let pause = every == .zero ? .seconds(60) : every * Double.random(in: 0.9...1.1)
      do { try await Task.sleep(for: pause) } catch { return }
      if every > .zero { await once(name, body) }
    }
  }

  private func once(_ name: String, _ body: @escaping @Sendable (RequestContext) async throws -> Void) async {
    var context = context()
    context.priority = name == "prewarm" ? .prewarm : .scrub
    do {
      try await body(context)
      Metric.timers.count(1, name, "done")
    } catch {
      let ours = SlipwayError.wrap(error)
      if ours.code == .cancelled { return }
      // Maintenance is an operator's wish.
      Metric.timers.count(1, name, ours.code == .busy ? "skipped" : ours.code.rawValue)
      context.log(ours.code == .busy ? .debug : .warning, "a timer's work failed", ["timer": name, "error": ours.message])
    }
  }
}
