internal import Agent
internal import AgentAPI
internal import ArgumentParser
internal import Configuration
internal import Foundation
internal import Logging
internal import Model
internal import Runtime

/// What a verb runs in: the configuration, an agent, a context, and an orderly end.
struct Session: Sendable {
  let agent: Agent
  let context: RequestContext
  let environment: [String: String]

  /// Loads the configuration, runs `body`, and closes everything, whatever happened. A failure is reported here and ends with its exit code.
  /// `grace` is what a verb gets beyond the deadline that can tell, once it has passed, what was found until then.
  static func run(
    _ options: CommonOptions, deadline: DeadlineOption? = nil, grace: Duration = .zero, progress: Bool = false,
    _ body: @escaping @Sendable (Session) async throws -> Void
  ) async throws {
    try await reporting(options, progress) { bar in
      let loaded = try LoadedConfiguration.load(file: options.config)
      let environment = ProcessInfo.processInfo.environment
      let agent = try Agent(loaded.configuration, environment: environment)
      let context = context(loaded, options, deadline, bar)
      let session = Session(agent: agent, context: context, environment: environment)
      try await conduct(context, grace, bar) {
        try await body(session)
      } closing: {
        await agent.close()
      }
    }
  }

  /// Runs `body` on the agent behind the daemon's socket where there is one, else on one of this process, as `run` does.
  ///
  /// This process does the work itself with `--standalone`, for a location or path in `images`, which an administrator of this machine alone may name, and
  /// without a configuration file, since the store is the user's own then.
  static func work(
    _ options: CommonOptions, on images: [String] = [], deadline: DeadlineOption? = nil, grace: Duration = .zero, progress: Bool = false,
    _ body: @escaping @Sendable (any Engine, RequestContext) async throws -> Void
  ) async throws {
    let isTyped = images.contains { image in
      if case .location = try? ImageReference(parsing: image) { true } else { false }
    }
    if !options.standalone, !isTyped, let loaded = try? LoadedConfiguration.load(file: options.config), loaded.file != nil,
      RemoteEngine.isThere(loaded.configuration.api.socket)
    {
      return try await remotely(loaded, options, deadline, grace, progress, body)
    }
    try await run(options, deadline: deadline, grace: grace, progress: progress) { session in
      try await body(AgentEngine(session.agent, bases: CacheDocuments.bases), session.context)
    }
  }

  private static func remotely(
    _ loaded: LoadedConfiguration, _ options: CommonOptions, _ deadline: DeadlineOption?, _ grace: Duration, _ progress: Bool,
    _ body: @escaping @Sendable (any Engine, RequestContext) async throws -> Void
  ) async throws {
    try await reporting(options, progress) { bar in
      let engine = RemoteEngine(socket: loaded.configuration.api.socket, mark: ConfigurationMark.of(loaded))
      let context = context(loaded, options, deadline, bar)
      // The daemon keeps the deadline; this one ends what a daemon that hangs does not.
      try await conduct(context, grace + .seconds(5), bar) {
        try await body(engine, context)
      } closing: {
        await engine.close()
      }
    }
  }

  private static func context(
    _ loaded: LoadedConfiguration, _ options: CommonOptions, _ deadline: DeadlineOption?, _ bar: ProgressBar?
  ) -> RequestContext {
    RequestContext(
      logger: Log.logger(loaded.configuration.log, options, bar), deadline: deadline?.deadline.map { .after($0.duration) } ?? .never,
      progress: { bar?.show($0) })
  }

  /// Runs `body` with a progress bar where one is wanted. A failure is reported here and ends with its exit code.
  private static func reporting(_ options: CommonOptions, _ progress: Bool, _ body: (ProgressBar?) async throws -> Void) async throws {
    let bar = progress && !options.quiet && Output.isInteractive ? ProgressBar() : nil
    do {
      try await body(bar)
    } catch {
      bar?.clear()
      if let code = error as? ExitCode { throw code }
      let ours = SlipwayError.wrap(error)
      Output.report(ours, json: options.json)
      throw ExitCode(ours.code.exitCode)
    }
  }

  /// Runs `body`, which a signal cancels, for `grace` beyond the deadline, and then `closing`, whatever happened.
  private static func conduct(
    _ context: RequestContext, _ grace: Duration, _ bar: ProgressBar?, _ body: @escaping @Sendable () async throws -> Void,
    closing: () async -> Void
  ) async throws {
    let limit = Deadline(context.deadline.instant.map { $0 + grace })
    let work = Task { try await withDeadline(limit, body) }
    Signals.onSignal { work.cancel() }
    let result = await work.result
    bar?.clear()
    await closing()
    try result.get()
  }

  /// Runs `body`; once the deadline passes it is cancelled, and the failure is `timeout`, also where the body saw only its cancellation.
  private static func withDeadline(_ deadline: Deadline, _ body: @escaping @Sendable () async throws -> Void) async throws {
    guard deadline.instant != nil else { return try await body() }
    let late = Locked(false)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body()
        return true
      }
      group.addTask {
        try await deadline.sleep()
        late.with { $0 = true }
        return false
      }
      defer { group.cancelAll() }
      do {
        guard let finished = try await group.next() else { return }
        if finished { return }
        group.cancelAll()
        while try await group.next() != nil {}
        throw CancellationError()
      } catch {
        let ours = SlipwayError.wrap(error)
        guard late.with({ $0 }), ours.code == .cancelled || ours.code == .timeout else { throw error }
        throw SlipwayError(
          .timeout, "the deadline passed before the request was done", hint: "give more time with --deadline, or look at: slipway doctor")
      }
    }
  }
}
