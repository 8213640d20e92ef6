public import Libvirt
internal import Model
public import Runtime

/// Asks libvirt what its domains have: running, paused, shut off, transient, saved. Always asked afresh, since libvirt tells of an external snapshot by no
/// event; events say when an answer is out of date sooner than its age does.
public final class DomainInventory: Sendable {
  private struct State {
    var generation = 0
    var isListening = false
  }
  private let client: LibvirtClient
  private let state: Locked<State>
  private let subscription: LibvirtSubscription

  /// An inventory of the host behind `client`, which starts to listen.
  public init(_ client: LibvirtClient) {
    self.client = client
    let state = Locked(State())
    self.state = state
    subscription = client.listen { event in
      state.with { state in
        state.generation += 1
        switch event {
        case .connected: state.isListening = true
        case .disconnected: state.isListening = false
        default: break
        }
      }
    }
  }

  /// Ends listening.
  public func stop() { subscription.cancel() }

  /// Whether libvirt has told of nothing since `use` was read, and would have.
  public func isCurrent(_ use: DomainUse) -> Bool { state.with { $0.isListening && $0.generation == use.generation } }

  /// What all domains have. Throws `libvirt_unavailable`, `libvirt_failed`, `permission_denied`, `CancellationError`.
  public func read(deadline: Deadline = .never) async throws -> DomainUse {
    let generation = state.with { $0.generation }
    var use = try await client.call("ask what domains use", deadline: deadline) { try Self.read($0) }
    use.generation = generation
    return use
  }

  /// One pass over all domains. One that goes meanwhile uses nothing any more.
  static func read(_ libvirt: LibvirtConnection) throws -> DomainUse {
    var use = DomainUse()
    var pools = PoolBook()
    // All in one list, before the others: a domain that starts or stops in between is not lost between two.
    let all = try libvirt.domains()
    // What a restart would use may differ from what runs.
    let alsoDefined = Set(try libvirt.domains([.active, .persistent]).map(\.uuid))
    let saved = Set(try libvirt.domains(.managedSave).map(\.uuid))
    let snapshots = Set(try libvirt.domains(.withSnapshot).map(\.uuid))
    for domain in all {
      do {
        var texts = [try domain.xml(.current)]
        if alsoDefined.contains(domain.uuid) { texts.append(try domain.xml(.next)) }
        if saved.contains(domain.uuid), let text = try domain.managedSaveXML() { texts.append(text) }
        if snapshots.contains(domain.uuid) { texts += try domain.snapshotXMLs() }
        use.domains += 1
        for text in texts { try note(DomainDescription(text, of: domain.name), domain.name, &use, &pools, libvirt) }
      } catch let error as SlipwayError where error.code == .domainNotFound {
        continue
      }
    }
    return use
  }

  private static func note(
    _ description: DomainDescription, _ domain: String, _ use: inout DomainUse, _ pools: inout PoolBook, _ libvirt: LibvirtConnection
  ) throws {
    for file in description.files { use.files.insert(DomainFile(domain: domain, path: file.path, format: file.format)) }
    for volume in description.volumes {
      switch try pools.place(of: volume, libvirt) {
      case .file(let path): use.files.insert(DomainFile(domain: domain, path: path, format: volume.format))
      case .elsewhere: break
      case .unknown(let problem): use.unknown.insert(DomainUse.Unknown(domain: domain, problem: problem))
      }
    }
  }
}

/// The pools that were asked for during one pass.
private struct PoolBook {
  enum Place { case file(String), elsewhere, unknown(String) }
  private var places: [String: PoolPlace?] = [:]

  /// Where a volume lies: by what the pool is, else by what it lists.
  mutating func place(of volume: DomainDescription.Volume, _ libvirt: LibvirtConnection) throws -> Place {
    let what = "its disk is volume '\(volume.name)' of storage pool '\(volume.pool)'"
    let pool = try libvirt.pool(named: volume.pool)
    if places[volume.pool] == nil { places[volume.pool] = .some(try pool.flatMap { PoolPlace(try $0.xml()) }) }
    guard let pool, let known = places[volume.pool] ?? nil else { return .unknown("\(what), and there is no such pool") }
    if known.isRemote { return .elsewhere }
    if let path = known.path(of: volume.name) { return .file(path) }
    if try pool.isActive(), let path = try pool.path(of: volume.name) { return .file(path) }
    return .unknown("\(what), which does not tell where that lies")
  }
}
