internal import Ceph
internal import Configuration
public import Disks
internal import Files
internal import ImageStore
internal import Libvirt
internal import LibvirtReport
internal import Model
public import Runtime

/// What libvirt, the pool and the directories of disks know of each other, for display: nothing is ever removed by it, since in a shared pool a disk
/// without a domain here may run elsewhere.
public struct DiskUse: Sendable {
  /// What does not fit together.
  public struct Leftover: Sendable, Hashable {
    /// Which kind.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
      /// A disk of ours that no domain of this host has.
      case noLocalDomain = "no_local_domain"
      /// A domain's disk that is not there.
      case missing
      /// An overlay on a base of the store that is neither ours nor any domain's.
      case foreignOverlay = "foreign_overlay"
    }
    /// Which kind.
    public var kind: Kind
    /// The disk: a path, or `pool/image`.
    public var path: String
    /// The domain that lacks it, nil for the others.
    public var domain: String?
  }

  /// The domains that have a disk, by the disk's path.
  public var domains: [String: [String]] = [:]
  /// What does not fit together, by path.
  public var leftovers: [Leftover] = []
}

extension Agent {
  /// Who has which of these disks (all that we know of), and what does not fit together; nil without libvirt. Throws `libvirt_unavailable` and the like.
  public func use(of disks: [DiskInfo], context: RequestContext) async throws -> DiskUse? {
    guard let libvirt else { return nil }
    let views = try await libvirt.call("ask what domains have", deadline: context.deadline) { try DomainView.all($0) }
    var owners: [DomainDisk.Source: [String]] = [:]
    for view in views { for disk in view.disks { if let source = disk.source { owners[source, default: []].append(view.name) } } }
    var use = DiskUse()
    for disk in disks {
      let names = Array(Set(owners[Self.domainSource(of: disk)] ?? [])).sorted()
      use.domains[disk.path] = names
      if names.isEmpty, disk.state == .ready { use.leftovers.append(.init(kind: .noLocalDomain, path: disk.path, domain: nil)) }
    }
    use.leftovers += try await missing(owners, context)
    use.leftovers += try await foreignOverlays(disks, owners, context)
    use.leftovers.sort { ($0.path, $0.domain ?? "") < ($1.path, $1.domain ?? "") }
    return use
  }

  /// Files, and images in our pool, that domains have and that are not there.
  private func missing(_ owners: [DomainDisk.Source: [String]], _ context: RequestContext) async throws -> [DiskUse.Leftover] {
    let prefix = configuration.disks.pool + "/"
    let isPoolAsked = owners.keys.contains { if case .rbd(let name) = $0 { name.hasPrefix(prefix) } else { false } }
    var images: Set<String>?
    if isPoolAsked, configuration.cluster(named: configuration.disks.cluster) != nil {
      images = try? await withRBDDisks(context) { Set(try await $0.pool.images()) }
    }
    let known = images
    return try await files.run {
      owners.flatMap { source, domains -> [DiskUse.Leftover] in
        let path: String
        switch source {
        case .rbd(let name):
          guard let known, name.hasPrefix(prefix), !known.contains(String(name.dropFirst(prefix.count))) else { return [] }
          path = name
        case .path(let name):
          // What cannot be looked at is not said to be gone.
          guard Self.isGone(name) else { return [] }
          path = name
        case .volume: return []
        }
        return Set(domains).map { DiskUse.Leftover(kind: .missing, path: path, domain: $0) }
      }
    }
  }

  private static func isGone(_ path: String) -> Bool {
    do {
      return try FileStatus.of(path) == nil
    } catch { return false }
  }

  private func foreignOverlays(
    _ disks: [DiskInfo], _ owners: [DomainDisk.Source: [String]], _ context: RequestContext
  ) async throws -> [DiskUse.Leftover] {
    let store = try await store(context)
    let paths = try await store.list().map(\.path)
    let bases = try await files.run { Set(paths.compactMap { (try? FileStatus.of($0))??.identity }) }
    guard !bases.isEmpty else { return [] }
    let roots = [configuration.disks.path, store.layout.disks].compactMap { $0 } + configuration.disks.roots
    let scan = ReferenceScan(roots: roots, excluding: store.privateDirectories, bases: bases)
    let found = try await scan.run(deadline: context.deadline.capped(.seconds(60)))
    let ours = Set(disks.map(\.path))
    return Set(found.references.values.joined()).filter { !ours.contains($0) && owners[.path($0)] == nil }
      .map { DiskUse.Leftover(kind: .foreignOverlay, path: $0, domain: nil) }
  }
}
