internal import ImageStore
internal import Libvirt
internal import LibvirtReport
internal import Model
internal import Runtime

/// Tells libvirt's pool of bases that came and went: once for many, after a pause in which nothing changed or at the process's end. What fails is a warning:
/// a base is there whether libvirt shows it or not.
final class StoreReporter: Sendable {
  private struct State {
    /// When the first change came that is not reported yet, and the last.
    var first: ContinuousClock.Instant?
    var last = ContinuousClock.now
    var changed: Int64 = 0
    var isEnding = false
    var work: Task<Void, Never>?
  }
  /// How long nothing changes before a report, and how long a change waits at most.
  private static let pause = Duration.milliseconds(300)
  private static let patience = Duration.seconds(3)

  private let store: Store
  private let client: LibvirtClient
  private let pool: String
  private let context: RequestContext
  private let state = Locked(State())

  init(_ store: Store, _ client: LibvirtClient, pool: String, _ context: RequestContext) {
    self.store = store
    self.client = client
    self.pool = pool
    self.context = context
  }

  /// A base came or went.
  func note() {
    state.with { state in
      state.last = .now
      state.changed = Store.moment()
      if state.first == nil { state.first = state.last }
      if state.work == nil { state.work = Task { await self.run() } }
    }
  }

  /// Reports at once what is not reported yet, and waits for that.
  func flush() async {
    let work = state.with { state -> Task<Void, Never>? in
      state.isEnding = true
      return state.work
    }
    // Ends the pause alone: what is being told is told to the end.
    work?.cancel()
    await work?.value
    state.with { $0.isEnding = false }
  }

  private func run() async {
    while let changed = await nextChange() {
      await Task { await report(changed) }.value
    }
  }

  /// Waits for a pause; the moment of the last change, nil when there is none to report.
  private func nextChange() async -> Int64? {
    while true {
      let wait = state.with { state -> Duration? in
        guard let first = state.first, !state.isEnding else { return nil }
        let left = min(state.last + Self.pause - .now, first + Self.patience - .now)
        return left > .zero ? left : nil
      }
      guard let wait else { break }
      try? await Task.sleep(for: wait)
    }
    return state.with { state in
      guard state.first != nil else {
        state.work = nil
        return nil
      }
      state.first = nil
      return state.changed
    }
  }

  private func report(_ changed: Int64) async {
    let pool = StorePool(name: pool, path: store.basesPath)
    do {
      try await store.reportOnce(changed: changed, deadline: .after(.seconds(20))) {
        let told = try await client.call("show the store in a storage pool", timeout: .seconds(15)) { try pool.report($0) }
        context.log(.debug, "libvirt shows the store", ["pool": told.name, "outcome": told.outcome.rawValue])
      }
    } catch {
      context.log(.warning, "libvirt does not show the latest bases: \(error)")
    }
  }
}
