internal import Model
internal import Runtime

/// A client that may be let go of meanwhile.
struct Weak: Sendable {
  private weak let client: LibvirtClient?
  init(_ client: LibvirtClient?) { self.client = client }
  func callAsFunction() -> LibvirtClient? { client }
}

/// A listener's place. Listening ends when it is cancelled or let go.
public final class LibvirtSubscription: Sendable {
  private let end: @Sendable () -> Void
  init(_ end: @escaping @Sendable () -> Void) { self.end = end }
  deinit { end() }
  /// Ends listening.
  public func cancel() { end() }
}

extension LibvirtClient {
  /// Tells `handler` of every event from now on, on libvirt's thread: it must return at once and may call nothing of libvirt. As long as somebody listens the
  /// connection is kept, and made again with a backoff; each time `.connected` comes first, since whatever happened before was not told.
  public func listen(_ handler: @escaping @Sendable (LibvirtEvent) -> Void) -> LibvirtSubscription {
    let (id, isConnected) = state.with { state -> (Int, Bool) in
      let id = state.nextListener
      state.nextListener += 1
      state.listeners[id] = handler
      if state.keeper == nil, !state.isClosed { state.keeper = Task { [weak self] in await Self.keep(Weak(self)) } }
      return (id, state.isConnected)
    }
    if isConnected { handler(.connected) }
    return LibvirtSubscription { [weak self] in
      let keeper = self?.state.with { state -> Task<Void, Never>? in
        state.listeners[id] = nil
        guard state.listeners.isEmpty else { return nil }
        defer { state.keeper = nil }
        return state.keeper
      }
      keeper?.cancel()
    }
  }

  private func tell(_ event: LibvirtEvent) {
    let listeners = state.with { state in
      switch event {
      case .connected: state.isConnected = true
      case .disconnected: state.isConnected = false
      default: break
      }
      return Array(state.listeners.values)
    }
    for listener in listeners { listener(event) }
  }

  /// Keeps a connection with events registered while anyone listens and the client lives.
  private static func keep(_ client: Weak) async {
    var failures = 0
    while !Task.isCancelled {
      guard let options = client()?.options else { return }
      do {
        guard let (link, relay) = try await client()?.attend() else { return }
        failures = 0
        let reason = try? await link.lost.value(cancellable: true)
        relay.cut()
        client()?.tell(.disconnected(reason ?? "nobody listens any more"))
        // Calls may go on over a connection that is whole, but not with a relay that a new keeper would double.
        if Task.isCancelled { client()?.lose(link, "nobody listens any more") }
      } catch {
        failures += 1
      }
      try? await Task.sleep(for: options.backoff(after: max(1, failures)))
    }
  }

  /// A connection on which events are registered, told as connected.
  private func attend() async throws -> (Link, EventRelay) {
    let link = try await link("listen to libvirt's events", .never)
    let relay = EventRelay { [weak self] in self?.tell($0) }
    let late = SlipwayError(.libvirtUnavailable, "libvirt at \(options.uri) did not answer in time", object: options.uri)
    do {
      try await threads.run(until: .after(options.timeout), orThrow: late) { try relay.register(on: link) }
    } catch {
      relay.cut()
      lose(link, "events could not be registered")
      throw error
    }
    tell(.connected)
    return (link, relay)
  }
}
