internal import Agent
public import Configuration
internal import CoreMetrics
internal import Foundation
public import Logging
internal import Model
internal import Files
internal import Runtime
internal import ServiceLifecycle
internal import Wire

/// `slipway serve`: one engine behind its sockets, from the store's lock to the last answer.
public final class Daemon: Sendable {
  /// What tells it to change.
  public enum Signal: Sendable { case stop, reload }

  /// What it is made of.
  public struct Options: Sendable {
    /// Reads the configuration, at the start and at every reload.
    public var load: @Sendable () throws -> LoadedConfiguration
    /// The process's variables.
    public var environment: [String: String]
    /// A logger by the configuration's settings.
    public var logger: @Sendable (Configuration.Log) -> Logger
    /// The document of bases.
    public var bases: AgentEngine.Bases
    /// How long what runs may go on at the end.
    public var drain = Duration.seconds(20)

    /// Options.
    public init(
      load: @escaping @Sendable () throws -> LoadedConfiguration, environment: [String: String],
      logger: @escaping @Sendable (Configuration.Log) -> Logger, bases: @escaping AgentEngine.Bases
    ) {
      self.load = load
      self.environment = environment
      self.logger = logger
      self.bases = bases
    }
  }

  private let options: Options
  private let notifier: ServiceNotifier
  private let engine: Locked<AgentEngine>
  private let logger: Locked<Logger>
  private let api: API
  private let first: LoadedConfiguration

  /// Serves until a `stop` comes. Throws `busy` when another daemon has the store or the socket, `configuration`, `store_refused`.
  public static func run(_ options: Options, signals: AsyncStream<Signal>) async throws {
    let exporter = PrometheusExporter()
    MetricsSystem.bootstrap(exporter)
    Metric.build.set(1, ProgramVersion.text)
    Metric.startTime.set(Date().timeIntervalSince1970.rounded())
    let loaded = try options.load()
    let logger = options.logger(loaded.configuration.log)
    let agent = try Agent(loaded.configuration, environment: options.environment)
    let context = RequestContext(logger: logger)
    do {
      // Before any socket is touched: whoever has this is the only one who may.
      let lock = try await agent.lockAsDaemon(context)
      let daemon = Daemon(options, loaded, agent, logger, exporter)
      try await daemon.serve(signals, context)
      lock.release()
    } catch {
      await agent.close()
      throw error
    }
  }

  private init(_ options: Options, _ loaded: LoadedConfiguration, _ agent: Agent, _ logger: Logger, _ exporter: PrometheusExporter) {
    self.options = options
    notifier = ServiceNotifier(environment: options.environment)
    first = loaded
    let made = AgentEngine(agent, bases: options.bases)
    engine = Locked(made)
    self.logger = Locked(logger)
    let slot = engine
    let journal = Journal { bytes in
      let agent = slot.with { $0.agent }
      try await agent.setHandover(bytes, RequestContext(logger: logger))
    }
    api = API(Self.service(made, loaded), exporter: exporter, journal: journal, logger: logger)
  }

  private static func service(_ engine: AgentEngine, _ loaded: LoadedConfiguration) -> API.Service {
    let configuration = loaded.configuration
    var schemes = configuration.allowedDirectURLSchemes
    // Without roots an administrator's own paths may be read, and a caller of the API is none.
    if configuration.fileRoots.isEmpty { schemes.remove("file") }
    return API.Service(
      engine: engine, locationSchemes: configuration.api.allowLocations ? schemes : nil, mark: ConfigurationMark.of(loaded),
      store: configuration.store.path)
  }

  private var context: RequestContext { RequestContext(logger: logger.with { $0 }) }

  private func serve(_ signals: AsyncStream<Signal>, _ context: RequestContext) async throws {
    let settings = first.configuration.api
    let left = Journal.entries(try await engine.with { $0.agent }.handover(context))
    var services: [any Service] = [Heartbeat(notifier: notifier)]
    let opened = Locked(0)
    let doors =
      [(settings.socket, settings.group, settings.mode, Role.full)]
      + (settings.readSocket.map { [($0, settings.readGroup, "0660", Role.reader)] } ?? [])
    let wanted = doors.count
    let ready: @Sendable () async -> Void = { [self] in
      let isLast = opened.with { opened -> Bool in
        opened += 1
        return opened == wanted
      }
      guard isLast else { return }
      notifier.ready()
      self.context.log(.notice, "ready", ["socket": settings.socket, "store": api.service.store, "version": ProgramVersion.text])
    }
    for (path, group, mode, role) in doors {
      services.append(
        APIServer(
          place: .socket(try Self.socket(path, group, mode, context)), responder: APIResponder(api: api, role: role),
          logger: logger.with { $0 }, onReady: ready))
    }
    if let metrics = settings.metrics {
      let (host, port) = try Self.address(metrics)
      services.append(
        APIServer(
          place: .tcp(host: host, port: port), responder: APIResponder(api: api, role: .reader, metricsOnly: true),
          logger: logger.with { $0 }, onReady: {}))
    }
    services.append(Timers(engine: { [engine] in engine.with { $0 } }, context: { [self] in self.context }, atBoot: true))
    services.append(Drain(operations: api.operations, time: options.drain, notifier: notifier))
    var quiet = logger.with { $0 }
    quiet.logLevel = max(quiet.logLevel, .error)
    let group = ServiceGroup(configuration: .init(services: services, logger: quiet))
    let listener = Task { [self] in
      for await signal in signals {
        switch signal {
        case .reload: await reload()
        case .stop: await group.triggerGracefulShutdown()
        }
      }
    }
    defer { listener.cancel() }
    for entry in left { api.resume(entry, self.context) }
    let warming = Task { [self] in await engine.with { $0.agent }.warm(self.context) }
    defer { warming.cancel() }
    try await group.run()
    await engine.with { $0.agent }.close()
  }

  /// Reads the configuration again. One that is wrong, or that changes what only a start can change, is refused, and the one of now stays.
  private func reload() async {
    notifier.reloading()
    defer { notifier.ready() }
    do {
      let loaded = try options.load()
      let (old, new) = (engine.with { $0.agent.configuration }, loaded.configuration)
      guard old.api == new.api, old.store == new.store else {
        throw SlipwayError(
          .configuration, "the keys under 'api' and 'store' take effect at a start only",
          hint: "restart the daemon: systemctl restart slipway")
      }
      let made = AgentEngine(try Agent(new, environment: options.environment), bases: options.bases)
      let logger = options.logger(new.log)
      let retired = engine.with { engine in
        defer { engine = made }
        return engine
      }
      self.logger.with { $0 = logger }
      api.log(through: logger)
      api.service = Self.service(made, loaded)
      context.log(.notice, "the configuration was read again")
      Metric.reloads.count(1, "done")
      // What began with the old one ends with it.
      let running = api.operations.list.filter { !$0.isFinal }
      Task {
        for operation in running { while !operation.isFinal { await operation.wait(.seconds(3600)) } }
        // Questions that were no operations are answered within a minute.
        try? await Task.sleep(for: .seconds(60))
        await retired.agent.close()
      }
    } catch {
      Metric.reloads.count(1, "refused")
      let ours = SlipwayError.wrap(error)
      context.log(.error, "the configuration was read again and refused: \(ours.description)")
      notifier.status("the new configuration was refused: \(ours.message)")
    }
  }

  private static func socket(_ path: String, _ group: String, _ mode: String, _ context: RequestContext) throws(SlipwayError) -> UnixSocket
  {
    guard let bits = UInt32(mode, radix: 8), bits & ~0o777 == 0, bits & 0o001 == 0, bits & 0o600 == 0o600 else {
      throw SlipwayError(
        .configuration, "'\(mode)' is no mode of a socket", object: "api.mode", hint: "give one such as 0660, which its owner may use")
    }
    let id = UnixSocket.group(named: group)
    if id == nil { context.log(.warning, "there is no group '\(group)': the socket is its owner's alone", ["socket": path]) }
    return try UnixSocket(path: path, group: id, mode: id == nil ? 0o600 : bits)
  }

  private static func address(_ text: String) throws(SlipwayError) -> (String, Int) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port) else {
      throw SlipwayError(.configuration, "'\(text)' is no host:port", object: "api.metrics", hint: "give one such as 127.0.0.1:9130")
    }
    return (String(text[..<colon]).trimmingCharacters(in: ["[", "]"]), port)
  }
}

/// Lets what runs end, once everything is to end.
private struct Drain: Service {
  let operations: Operations
  let time: Duration
  let notifier: ServiceNotifier

  func run() async throws {
    try? await gracefulShutdown()
    notifier.stopping()
    await operations.finish(within: time)
  }
}

/// Tells systemd that we live, as long as tasks run at all.
private struct Heartbeat: Service {
  let notifier: ServiceNotifier

  func run() async throws {
    guard let interval = notifier.watchdog else { return try await gracefulShutdown() }
    try? await cancelWhenGracefulShutdown {
      while true {
        notifier.alive()
        try await Task.sleep(for: interval / 2)
      }
    }
  }
}
