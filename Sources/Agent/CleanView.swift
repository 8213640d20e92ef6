internal import Cleaner
internal import Configuration
internal import Disks
internal import Foundation
internal import ImageStore
internal import Model
internal import Runtime

/// All that a cleaning rests on, as it was found.
struct CleanView: Sendable {
  var world: World
  var summaries: [String: BaseSummary]
  var disks: DiskReferences
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
      disks: DiskReferences(), looked: .now, lookTook: .zero)
    try await look(&view, store, context)
    return view
  }

  /// Looks for disks again, and at the time.
  func look(_ view: inout CleanView, _ store: Store, _ context: RequestContext) async throws {
    var roots = [configuration.disks.path]
    for root in configuration.disks.roots + [store.layout.disks].compactMap({ $0 }) where !roots.contains(root) { roots.append(root) }
    let bases = Set(view.world.bases.compactMap(\.file))
    let start = ContinuousClock.now
    let scan = ReferenceScan(roots: roots, excluding: store.privateDirectories, bases: bases)
    view.disks = try await scan.run(deadline: context.deadline.capped(.seconds(300)))
    view.looked = start
    view.lookTook = ContinuousClock.now - start
    view.world.references = view.disks.references
    view.world.missing = view.disks.missing
    view.world.unreadable = view.disks.unreadable.flatMap { disk in
      (disk.mayReferTo?.map { .path($0) } ?? [.anything]).map {
        UnreadableDisk(disk: disk.path, mayReferTo: $0, problem: disk.problem)
      }
    }
    view.world.now = Self.now
    view.world.barriers = barriers(store, view.disks)
  }

  private func barriers(_ store: Store, _ disks: DiskReferences) -> [Barrier] {
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
