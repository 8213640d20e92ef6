internal import Cleaner
internal import Configuration
internal import Disks
internal import Foundation
internal import ImageStore
internal import LibvirtReport
internal import Model
internal import Runtime

/// All that a cleaning rests on, as it was found.
struct CleanView: Sendable {
  var world: World
  var summaries: [String: BaseSummary]
  var disks: DiskReferences
  /// What libvirt told of its domains.
  var domains: DomainKnowledge
  /// When the search for disks began, and how long it took.
  var looked: ContinuousClock.Instant
  var lookTook: Duration

  /// Whether the search for disks is too long ago to evict by it: a disk may have been made since.
  var isStale: Bool { ContinuousClock.now - looked > max(.seconds(1), lookTook * 3) }
}

extension Agent {
  var cleanPolicy: CleanPolicy {
    let clean = configuration.clean
    let free: CleanPolicy.Free =
      switch clean.minFree {
      case .bytes(let count): .bytes(count)
      case .percent(let percent): .percent(percent)
      }
    return CleanPolicy(
      unusedFor: clean.unusedFor.components.seconds, minAge: clean.minAge.components.seconds, maxBytes: clean.maxBytes,
      maxCount: clean.maxCount > 0 ? clean.maxCount : nil, minFree: free)
  }

  static var now: Int64 { Int64(Date().timeIntervalSince1970) }

  /// Looks at the store, its leases and pins, its file system, and all disks.
  func cleanView(_ store: Store, _ context: RequestContext) async throws -> CleanView {
    let summaries = try await store.list(sortedBy: .name)
    let leases = try await store.allLeases()
    let space = try await store.space()
    let bases = summaries.map { cleanBase($0, leases[$0.name] ?? []) }
    let world = World(bases: bases, free: space?.free ?? .max, total: space?.total ?? 0, now: Self.now)
    var view = CleanView(
      world: world, summaries: Dictionary(summaries.map { ($0.name.text, $0) }, uniquingKeysWith: { one, _ in one }),
      disks: DiskReferences(), domains: .none, looked: .now, lookTook: .zero)
    try await look(&view, store, context)
    return view
  }

  /// Looks for disks again, and at the time.
  func look(_ view: inout CleanView, _ store: Store, _ context: RequestContext) async throws {
    var roots = [configuration.disks.path]
    for root in configuration.disks.roots + [store.layout.disks].compactMap({ $0 }) where !roots.contains(root) { roots.append(root) }
    let bases = Set(view.world.bases.compactMap(\.file))
    let start = ContinuousClock.now
    // Before the search: what is defined during it makes the answer out of date.
    view.domains = try await domains(context)
    let scan = ReferenceScan(roots: roots, named: view.domains.disks, excluding: store.privateDirectories, bases: bases)
    view.disks = try await scan.run(deadline: context.deadline.capped(.seconds(300)))
    view.looked = start
    view.lookTook = ContinuousClock.now - start
    // A running domain names its whole chain. The base in it is no disk of its own as long as another leads there.
    for base in view.world.bases {
      guard let file = base.file, let users = view.disks.references[file], users.count > 1 else { continue }
      let others = users.filter { $0 != base.path }
      if !others.isEmpty { view.disks.references[file] = others }
    }
    let disks = view.disks
    view.world.references = disks.references.mapValues { $0.map { Self.words($0, disks.domains[$0] ?? []) } }
    view.world.missing = view.disks.missing
    view.world.unreadable = view.disks.unreadable.flatMap { disk in
      (disk.mayReferTo?.map { .path($0) } ?? [.anything]).map {
        UnreadableDisk(disk: disk.path, mayReferTo: $0, problem: disk.problem)
      }
    }
    view.world.unreadable += view.domains.unknown.map {
      UnreadableDisk(disk: "domain '\($0.domain)'", mayReferTo: .anything, problem: $0.problem)
    }
    view.world.now = Self.now
    view.world.barriers = barriers(store, view.disks, view.domains)
  }

  /// A disk, with the domains that have it.
  private static func words(_ disk: String, _ domains: [String]) -> String {
    switch domains.count {
    case 0: disk
    case 1: "\(disk) (domain \(domains[0]))"
    default: "\(disk) (domains \(domains.joined(separator: ", ")))"
    }
  }

  private func barriers(_ store: Store, _ disks: DiskReferences, _ domains: DomainKnowledge) -> [Barrier] {
    var found: [Barrier] = []
    if configuration.store.shared {
      found.append(Barrier(.sharedFileSystem, "store.shared says that other hosts use the store \(store.path) too"))
    } else if let kind = store.sharedFileSystem, !configuration.store.isOwned {
      found.append(
        Barrier(
          .sharedFileSystem,
          "the store \(store.path) lies on \(kind), which other hosts may share; if it is this host's alone, say so with store.shared: false"
        ))
    }
    if case .unreachable(let error) = domains {
      found.append(Barrier(.libvirtUnreachable, "nobody tells which files domains use: \(error)"))
    }
    if let reason = disks.incomplete { found.append(Barrier(.scanIncomplete, reason)) }
    return found
  }

  func cleanBase(_ summary: BaseSummary, _ leases: [LeaseInfo]) -> Base {
    let pin: Base.Pin =
      switch (summary.pin, summary.pin?.expires) {
      case (nil, _): .none
      case (_, let expires?): .until(expires)
      case (_, nil): .lasting
      }
    let claims = leases.map { lease in
      lease.note.isEmpty ? "process \(lease.owner.pid) of \(lease.owner.host)" : "\(lease.note) (process \(lease.owner.pid))"
    }
    return Base(
      name: summary.name.text, path: summary.path, file: FileIdentity(device: summary.device, inode: summary.inode),
      allocated: summary.allocated, created: summary.created, lastUse: max(summary.usage.lastUse, summary.created), pin: pin,
      leases: claims, isDamaged: summary.damage != nil,
      isOurs: !summary.isForeign || configuration.nova.clean)
  }
}
